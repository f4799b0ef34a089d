import { Order_State } from '@orderflow/contracts/orderflow/order/v1/order';
import { eventually } from '@orderflow/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { untilKnown } from '../src/clients.ts';
import { hastyTimes, prepareMixes, runMix } from '../src/mix.ts';
import type { ServiceName } from '../src/system.ts';
import { startWhole, type Whole } from '../src/whole.ts';

const consumer = ['consumer-after-fetch', 'consumer-before-commit'] as const;

/** Between every two durable steps of a process there is a point at which it can be killed. */
const points = {
  'order-api': ['order-after-place-transaction', 'saga-after-cancel'],
  'order-relay': ['relay-after-ack'],
  'order-worker': [...consumer, 'worker-after-enrichment', 'worker-after-decision', 'worker-after-mongo'],
  'order-saga': [...consumer, 'saga-after-transaction', 'saga-after-deadlines'],
  'order-view': consumer,
  inventory: [
    ...consumer,
    'relay-after-ack',
    'inventory-after-reserve-transaction',
    'inventory-after-refuse-transaction',
    'inventory-after-release-transaction',
    'inventory-after-commit-transaction',
    'inventory-after-stock-transaction',
  ],
  payment: [
    ...consumer,
    'relay-after-ack',
    'payment-after-intake',
    'payment-after-attempt-written',
    'payment-after-charge',
    'payment-before-settle',
    'payment-after-void',
    'payment-after-refund',
    'payment-after-record',
  ],
} as const satisfies Partial<Record<ServiceName, readonly string[]>>;

/** A point that is passed only when somebody does not answer: who that is. */
const awayUntilPassed: Partial<Record<string, ServiceName>> = { 'saga-after-deadlines': 'payment' };

let whole: Whole;

beforeAll(async () => {
  // So short that orders are asked for again while the gateway takes its time, and none ends by it.
  whole = await startWhole('whole-crash-points', {
    ...hastyTimes,
    ORDER_DEADLINE: '90s',
    SETTLE_DEADLINE: '4s',
  });
});
afterAll(async () => {
  await whole?.[Symbol.asyncDispose]();
});

describe.for(Object.entries(points) as [ServiceName, readonly string[]][])(
  'stock and money add up when %s is killed',
  ([name, named]) => {
    test.for(named)('at %s, and again in its recovery', async (point) => {
      const service = whole.services[name];
      const mixes = [`${name}-${point}-1`, `${name}-${point}-2`] as const;
      await prepareMixes(whole, mixes);
      const away = whole.services[awayUntilPassed[point] ?? name];
      await Promise.all([service.stop(), away.stop()]);
      const crash = { ORDERFLOW_TEST: '1', CRASH_AT: `${point}#1` };
      const killed = { code: null, signal: 'SIGKILL' };

      const first = service.launch(crash);
      const work = [runMix(whole, mixes[0])];
      expect(await first.exited).toEqual(killed);
      const second = service.launch(crash);
      // More work, so that the point is passed again.
      work.push(runMix(whole, mixes[1]));
      expect(await second.exited).toEqual(killed);
      await Promise.all([...new Set([service, away])].map((each) => each.start()));
      await Promise.all(work);
      await whole.expectSound();
    });
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
