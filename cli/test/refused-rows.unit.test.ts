import { expect, test } from 'vitest';
import { refusedRows } from '../src/orders/refused-rows.ts';
import { answering } from './fake-stores.ts';

const nothing = answering({});
const row = (changes: object) => ({
  id: '7',
  topic: 'orders',
  key: 'o-1',
  bytes: 3_000_000,
  failed_reason: 'MESSAGE_TOO_LARGE\nreally',
  failed_time: new Date('2026-11-28T12:00:00Z'),
  behind: 2,
  count: 1,
  ...changes,
});

test('no row is refused: nothing is said', async () => {
  expect(await refusedRows({ orders: nothing, inventory: nothing, payment: nothing })).toBe('');
});

test('refused rows of each service are listed, with what waits behind them; those that do not fit are counted', async () => {
  const text = await refusedRows({
    orders: answering({ outbox: [row({ count: 42 })] }),
    inventory: nothing,
    payment: answering({
      outbox: [row({ id: '8', topic: 'payment-events', key: 'o-\u001b2', bytes: 9, behind: 0 })],
    }),
  });
  expect(text.split('\n').map((line) => line.replaceAll(/ {2,}/g, '  '))).toEqual([
    '43 outbox rows that the broker refuses, see "The outbox is not empty" in docs/operations.md:',
    'outbox of  id  topic  key  bytes  since  behind it  reason',
    'order  7  orders  o-1  3000000  2026-11-28 12:00:00.000Z  2  MESSAGE_TOO_LARGE\\nreally',
    'payment  8  payment-events  o-\\x1b2  9  2026-11-28 12:00:00.000Z  0  MESSAGE_TOO_LARGE\\nreally',
    '… and 41 more',
  ]);
});
