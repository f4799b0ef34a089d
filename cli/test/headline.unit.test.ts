import { expect, test } from 'vitest';
import { headline, type Order } from '../src/orders/order.ts';

const time = new Date('2026-11-24T12:00:00Z');
const later = new Date('2026-11-24T12:30:00Z');

function order(changes: Partial<Order>): Order {
  return {
    id: 'o-1',
    customer_id: 'c-1',
    state: 'RESERVED',
    version: 2,
    needs_attention: null,
    total: '21600',
    cancel_reason: null,
    cancel_detail: null,
    stock_released: false,
    money_undone: false,
    refunded: false,
    caller_id: null,
    deadline_time: later,
    is_overdue: false,
    requery_time: null,
    state_time: time,
    create_time: time,
    ...changes,
  };
}

test('an order in flight: the awaited service, since when, and its deadline', () => {
  expect(headline(order({})).split('\n')).toEqual([
    'o-1 is RESERVED',
    '  of customer c-1, came over Kafka, 2026-11-24 12:00:00.000Z',
    '  total 216.00',
    '  waits for payment to charge it, since 2026-11-24 12:00:00.000Z',
    '  its deadline is 2026-11-24 12:30:00.000Z',
  ]);
});

test('a deadline that has passed, and a requery', () => {
  const text = headline(order({ is_overdue: true, requery_time: time }));
  expect(text).toContain('  its deadline 2026-11-24 12:30:00.000Z has PASSED');
  expect(text).toContain('  requeried 2026-11-24 12:00:00.000Z, without a reply yet');
});

test.each<[Partial<Order>, string]>([
  [{ state: 'PENDING' }, 'waits for the worker to decide it'],
  [{ state: 'ACCEPTED' }, 'waits for inventory to reserve its stock'],
  [{ state: 'CONFIRMED' }, 'waits for inventory to commit its stock'],
  [{ state: 'CANCELLING' }, 'waits for inventory and payment to undo their part'],
  [{ state: 'CANCELLING', stock_released: true }, 'waits for payment to undo their part'],
])('%j', (changes, expected) => {
  expect(headline(order(changes))).toContain(expected);
});

test.each<Partial<Order>>([
  { state: 'COMPLETED', deadline_time: null },
  { state: 'PENDING', needs_attention: 'ENRICHMENT_INVALID' },
])('no service is awaited: %j', (changes) => {
  expect(headline(order(changes))).not.toContain('waits for');
});

test('why it was cancelled', () => {
  const text = headline(
    order({ state: 'CANCELLED', cancel_reason: 'OUT_OF_STOCK', cancel_detail: '1 p-2 of 3' }),
  );
  expect(text).toMatch(/^o-1 is CANCELLED, because of OUT_OF_STOCK: 1 p-2 of 3$/m);
});
