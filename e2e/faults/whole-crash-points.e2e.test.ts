import { Order_State } from '@orderflow/contracts/orderflow/order/v1/order';
import { eventually } from '@orderflow/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { untilKnown } from '../src/clients.ts';
import { consumerPoints, killTwiceAt, startForKilling } from '../src/killed-at.ts';
import type { ServiceName } from '../src/system.ts';
import type { Whole } from '../src/whole.ts';

/** Of the order service; the other two are killed in whole-crash-points-participants, beside this. */
const points = {
  'order-api': ['order-after-place-transaction', 'saga-after-cancel'],
  'order-relay': ['relay-after-ack'],
  'order-worker': [
    ...consumerPoints,
    'worker-after-enrichment',
    'worker-after-decision',
    'worker-after-mongo',
  ],
  'order-saga': [...consumerPoints, 'saga-after-transaction', 'saga-after-deadlines'],
  'order-view': consumerPoints,
} as const satisfies Partial<Record<ServiceName, readonly string[]>>;

/** A point that is passed only when somebody does not answer: who that is. */
const awayUntilPassed: Partial<Record<string, ServiceName>> = { 'saga-after-deadlines': 'payment' };

let whole: Whole;

beforeAll(async () => {
  whole = await startForKilling('whole-crash-points');
});
afterAll(async () => {
  await whole?.[Symbol.asyncDispose]();
});

describe.for(Object.entries(points) as [ServiceName, readonly string[]][])(
  'stock and money add up when %s is killed',
  ([name, named]) => {
    test.for(named)('at %s, and again in its recovery', (point) =>
      killTwiceAt(whole, name, point, awayUntilPassed[point]),
    );
  },
);

test('an order that needs attention is tried again, and the API killed before it says so: once, and soundly', async () => {
  const { payment, 'order-api': api } = whole.services;
  const orderId = 'stuck';
  await payment.stop();
  await whole.place({ orderId, lines: { 'p-210': 1 } });
  await whole.ended(orderId, Order_State.RESERVED);
  await untilKnown(() => whole.orders.cancelOrder({ orderId }));
  await eventually(async () => (await whole.order(orderId)).needsAttention !== '', { timeoutMs: 30_000 });

  await api.stop();
  await api.start({ ORDERFLOW_TEST: '1', CRASH_AT: 'saga-after-retry#1' });
  const retried = untilKnown(() => whole.orders.retryOrder({ orderId, requestId: 'try-again' }));
  await api.ended();
  await api.start();
  expect(await retried).toMatchObject({ order: { needsAttention: '' } });
  await payment.start();
  expect(await whole.ended(orderId)).toMatchObject({ state: Order_State.CANCELLED, needsAttention: '' });
  const { transitions } = await whole.orders.getOrderHistory({ orderId });
  expect(transitions.filter(({ cause }) => cause.startsWith('RetryOrder'))).toHaveLength(1);
  await whole.expectSound();
});
