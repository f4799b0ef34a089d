import { expect, test } from 'vitest';
import { isOrderId } from '../src/index.ts';

test('an order id is 1 to 64 of the allowed characters', () => {
  for (const id of ['o', 'ORD-TEST_005.a:b', 'x'.repeat(64)]) expect(isOrderId(id)).toBe(true);
  for (const id of ['', 'x'.repeat(65), 'a b', 'a/b', 'ä', 'a\n', 'a\0']) expect(isOrderId(id)).toBe(false);
});
