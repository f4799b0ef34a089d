import { expect, test } from 'vitest';
import { isJsonOrder } from '../src/index.ts';

/**
 * An order in protobuf that begins as JSON may: a line feed, a space, a brace; then empty lines, then its order id
 * anew.
 */
const looksLikeJson = (lines: number, orderId: string) =>
  Buffer.concat([
    Buffer.from(`\n {${'a'.repeat(31)}`),
    Buffer.from('1a00'.repeat(lines), 'hex'),
    Buffer.from([0x0a, orderId.length]),
    Buffer.from(orderId),
  ]);

test('protobuf that begins like JSON is recognised by its order id', () => {
  expect(isJsonOrder(looksLikeJson(3, 'o-1'), undefined)).toBe(false);
  expect(isJsonOrder(looksLikeJson(3, '{}'), undefined)).toBe(true);
  expect(isJsonOrder(Buffer.from('\n {"orderId":"o-1"}'), undefined)).toBe(true);
});

test('with more lines than an order may have it is protobuf, whatever its order id: it is not decoded', () => {
  expect(isJsonOrder(looksLikeJson(500_000, '{}'), undefined)).toBe(false);
});
