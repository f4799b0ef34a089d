import { Order_State } from '@orderflow/contracts/orderflow/order/v1/order';
import { untilKnown } from '@orderflow/local/clients';
import type { ServiceName } from '@orderflow/local/system';
import { eventually } from '@orderflow/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hastyTimes, prepareMixes, runMix } from '../src/mix.ts';
import { startWhole, type Whole } from '../src/whole.ts';

/** Of every consumer: between a fetch, its handling and its commit. */
const consumerPoints = ['consumer-after-fetch', 'consumer-before-commit'] as const;

/**
 * Between every two durable steps of a process there is a point at which it can be killed. One process of each list is
 * killed in the same run.
 */
const points = {
  orderEdge: [
    at('order-api', 'order-after-place-transaction', 'saga-after-cancel'),
    at('order-relay', 'relay-after-ack'),
    at('order-view', ...consumerPoints),
  ].flat(),
  orderCore: [
    at(
      'order-worker',
      ...consumerPoints,
      'worker-after-enrichment',
      'worker-after-decision',
      'worker-after-mongo',
    ),
    at('order-saga', ...consumerPoints, 'saga-after-transaction'),
  ].flat(),
  inventory: at(
    'inventory',
    ...consumerPoints,
    'relay-after-ack',
    'inventory-after-reserve-transaction',
    'inventory-after-refuse-transaction',
    'inventory-after-release-transaction',
    'inventory-after-commit-transaction',
    'inventory-after-stock-transaction',
  ),
  // Without those of the consumer, which are the same code in every process: its list is the longest.
  payment: at(
    'payment',
    'relay-after-ack',
    'payment-after-intake',
    'payment-after-attempt-written',
    'payment-after-charge',
    'payment-before-settle',
    'payment-after-void',
    'payment-after-refund',
    'payment-after-record',
  ),
};

interface Kill {
  readonly name: ServiceName;
  readonly point: string;
}

function at(name: ServiceName, ...named: readonly string[]): Kill[] {
  return named.map((point) => ({ name, point }));
}

const lists = Object.values(points);
const runs = Array.from({ length: Math.max(...lists.map((kills) => kills.length)) }, (_, run) =>
  lists.flatMap((kills) => kills[run] ?? []),
).map((kills) => ({ kills, title: kills.map(({ name, point }) => `${name} at ${point}`).join(', ') }));

let whole: Whole;
let runCount = 0;

beforeAll(async () => {
  // So short that orders are asked for again while the gateway takes its time, and none ends by it.
  const deadlines = { ORDER_DEADLINE: '90s', SETTLE_DEADLINE: '4s' };
  whole = await startWhole('whole-crash-points', { ...hastyTimes, ...deadlines });
});
afterAll(async () => {
  await whole?.[Symbol.asyncDispose]();
});

test.for(runs)('stock and money add up when killed, and killed again in recovery: $title', ({ kills }) =>
  killTwice(kills),
);

test('stock and money add up when killed, and killed again in recovery: order-saga at saga-after-deadlines', () =>
  // It is passed only when a participant does not reply.
  killTwice(at('order-saga', 'saga-after-deadlines'), { stopped: ['payment'] }));

/** Kills each while orders of every kind are in flight, and again when it recovers. `stopped`: those stopped meanwhile. */
async function killTwice(
  kills: readonly Kill[],
  { stopped = [] }: { stopped?: ServiceName[] } = {},
): Promise<void> {
  runCount += 1;
  const mixes = [`run${runCount}-1`, `run${runCount}-2`] as const;
  await prepareMixes(whole, mixes);
  const victims = kills.map(({ name, point }) => ({
    service: whole.services[name],
    crash: { ORDERFLOW_TEST: '1', CRASH_AT: `${point}#1` },
  }));
  const stoppedServices = stopped.map((name) => whole.services[name]);
  await Promise.all(
    [...stoppedServices, ...victims.map(({ service }) => service)].map((each) => each.stop()),
  );

  const killed = { code: null, signal: 'SIGKILL' };
  const firstDeaths = victims.map(({ service, crash }) => service.launch(crash).exited);
  // Each comes back without waiting for the others, who may need it to come to their own points.
  const deaths = victims.map(async ({ service, crash }, index) => {
    expect(await firstDeaths[index]).toEqual(killed);
    expect(await service.launch(crash).exited).toEqual(killed);
    await service.start();
  });
  // More work, so that every point is passed again.
  const more = Promise.all(firstDeaths).then(() => runMix(whole, mixes[1]));
  const back = Promise.all(deaths).then(() => Promise.all(stoppedServices.map((each) => each.start())));
  await Promise.all([runMix(whole, mixes[0]), more, back]);
  await whole.expectSound();
}

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
