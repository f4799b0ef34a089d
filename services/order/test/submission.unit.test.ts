import { expect, test } from 'vitest';
import { type Submission, sameContentKey } from '../src/domain/submission.ts';
import { byId, bySku, line, submission } from './kit.ts';

const key = (...lines: ReturnType<typeof line>[]) => sameContentKey(submission({ lines }));

test('the same content is the same customer and the same quantities, merged and in any order', () => {
  const other = byId('p-2');
  const one = key(line({ quantity: 3 }), line({ reference: other }));
  expect(one).toBeDefined();
  expect(key(line({ reference: other }), line(), line({ quantity: 2 }))).toBe(one);
});

test('quoted prices and the order id do not make another content', () => {
  const quoted = line({ quotedPrice: { amount: 5n, currency: 'USD' } });
  expect(key(quoted)).toBe(key(line()));
  expect(sameContentKey(submission({ orderId: 'other' }))).toBe(key(line()));
});

test.each([
  ['another customer', sameContentKey(submission({ customerId: 'c-2' }))],
  ['another quantity', key(line({ quantity: 2 }))],
  ['another product', key(line({ reference: byId('p-2') }))],
  ['one more product', key(line(), line({ reference: byId('p-2') }))],
  ['the same text as a SKU', key(line({ reference: bySku('p-1') }))],
  ['a customer id that is spelled like a line', sameContentKey(submission({ customerId: 'c-1",[["' }))],
])('%s is another content', (_, other) => {
  expect(other).toBeDefined();
  expect(other).not.toBe(key(line()));
});

test.each<[string, Submission]>([
  ['no customer', submission({ customerId: '' })],
  ['no lines', submission({ lines: [] })],
  ['a line without a product', submission({ lines: [line({ reference: undefined })] })],
  ...[0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY].map((quantity): [string, Submission] => [
    `quantity ${quantity}`,
    submission({ lines: [line({ quantity })] }),
  ]),
])('with %s the content is too bad to compare', (_, sent) => {
  expect(sameContentKey(sent)).toBeUndefined();
});
