import { groups, topics } from '@orderflow/contracts';
import { expect, test } from 'vitest';
import { blockers, overdueOrders } from '../src/orders/overdue.ts';
import { answering, offsetsOf } from './fake-stores.ts';

const deadlineTime = new Date('2026-11-24T12:00:00Z');
const row = (changes: object) => ({
  id: 'o-1',
  state: 'RESERVED',
  deadline_time: deadlineTime,
  waiting: 0,
  failed_reason: null,
  count: 2,
  ...changes,
});

test('no order is overdue: nothing is said', async () => {
  expect(await overdueOrders(answering({}))).toBe('');
});

test('each overdue order with what holds it up by itself', async () => {
  const rows = [row({}), row({ id: 'o-2', waiting: 2, failed_reason: 'too large' })];
  const text = await overdueOrders(answering({ orders: rows }));
  expect(text.split('\n')).toEqual([
    '2 orders are overdue:',
    'order id  state     deadline                  its own events',
    'o-1       RESERVED  2026-11-24 12:00:00.000Z  published',
    'o-2       RESERVED  2026-11-24 12:00:00.000Z  the broker refuses: too large',
  ]);
});

test('those that do not fit are counted', async () => {
  const text = await overdueOrders(answering({ orders: [row({ count: 1_000, waiting: 3 })] }));
  expect(text).toContain('3 wait for Kafka');
  expect(text).toMatch(/^… and 999 more$/m);
});

test('deadlines are held up by the outbox and by each partition that is not read to its end', async () => {
  // The view delays nothing.
  const offsets = offsetsOf((group, topic) => {
    if (group === groups.orderSaga && topic === topics.paymentEvents) return 7n;
    if (group === groups.payment && topic === topics.inventoryEvents) return 9n;
    return group === groups.orderView ? 0n : 10n;
  });
  expect(await blockers(answering({ outbox: [{ waiting: 3 }] }), offsets)).toEqual([
    '3 events in the outbox of the order service',
    '1 records of inventory-events, partition 0, not read by payment',
    '3 records of payment-events, partition 0, not read by order-saga',
  ]);
  expect(
    await blockers(
      answering({ outbox: [{ waiting: 0 }] }),
      offsetsOf(() => 10n),
    ),
  ).toEqual([]);
});
