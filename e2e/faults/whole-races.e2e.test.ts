import { setTimeout as sleep } from 'node:timers/promises';
import { create } from '@bufbuild/protobuf';
import { topics } from '@orderflow/contracts';
import { Order_State } from '@orderflow/contracts/orderflow/order/v1/order';
import { Fault_Kind, FaultSchema } from '@orderflow/contracts/orderflow/testing/v1/fault_service';
import { clientsOf, untilKnown } from '@orderflow/local/clients';
import { recordOf } from '@orderflow/local/orders';
import { orderPath } from '@orderflow/local/system';
import { errorReason } from '@orderflow/rpc';
import { createProxy } from '@orderflow/testing';
import { seededRandom } from '@orderflow/testing/seeded-random';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { seed } from '../src/chaos.ts';
import { hastyTimes } from '../src/mix.ts';
import { createSecondSystem } from '../src/test-system.ts';
import { startWhole, type Whole } from '../src/whole.ts';

let whole: Whole;

beforeAll(async () => {
  // The gateway gets its usual time: what is counted here must not depend on how fast the machine is.
  const { GATEWAY_TRY_TIMEOUT: _, ...times } = hastyTimes;
  whole = await startWhole('whole-races', times);
});
afterAll(async () => {
  await whole?.[Symbol.asyncDispose]();
});

const ids = (name: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${name}-${index + 1}`);

async function endsOf(orderIds: readonly string[]): Promise<Map<Order_State, number>> {
  const orders = await Promise.all(orderIds.map((orderId) => whole.ended(orderId)));
  const counts = new Map<Order_State, number>();
  for (const { state } of orders) counts.set(state, (counts.get(state) ?? 0) + 1);
  return counts;
}

/** Makes the gateway slow, for these orders. */
async function slowCharges(orderIds: readonly string[], ms: number): Promise<void> {
  const fault = create(FaultSchema, {
    method: 'Charge',
    ids: [...orderIds],
    minLatency: { nanos: ms * 1_000_000 },
  });
  await whole.gatewayFaults.setFault({ fault });
}

test('two of every service and 200 orders at once for 50 pieces: exactly 50 are sold', async () => {
  const second = await createSecondSystem(whole);
  try {
    await second.start(orderPath);
    // Over Kafka: the API would refuse most of them before it came to a race.
    const names = ids('last', 200);
    await whole.stores.send(
      names.map((orderId) =>
        recordOf({ orderId, customerId: 'c-1', lines: [{ productId: 'p-2', quantity: 1 }] }, 'protobuf'),
      ),
    );
    expect(await endsOf(names)).toEqual(
      new Map([
        [Order_State.COMPLETED, 50],
        [Order_State.CANCELLED, 150],
      ]),
    );
    expect(await whole.available('p-2')).toBe(0);
    await whole.expectSound();
  } finally {
    await second.stop();
  }
});

test('two APIs: a request id used on both is one order, an order id with two contents is one of them', async () => {
  const second = await createSecondSystem(whole);
  try {
    await second.services['order-api'].start();
    const apis = [whole.orders, clientsOf(second).orders];
    const lines = (quantity: number) => [
      { reference: { case: 'productId' as const, value: 'p-307' }, quantity: BigInt(quantity) },
    ];
    const side = <T>(call: (index: number, api: (typeof apis)[number]) => Promise<T>) =>
      Promise.all(ids('call', 30).flatMap((_, index) => apis.map((api) => call(index, api))));

    const repeats = await side((index, api) =>
      api.createOrder({ customerId: 'c-1', requestId: `both-${index % 3}`, lines: lines(1) }),
    );
    const orderIds = new Set(repeats.map(({ order }) => order?.orderId ?? ''));
    expect(orderIds.size).toBe(3);

    const taken = await side((index, api) =>
      api
        .createOrder({
          orderId: `contested-${index}`,
          customerId: 'c-1',
          lines: lines(apis.indexOf(api) + 1),
        })
        .then(
          () => 'taken',
          (error: unknown) => errorReason(error),
        ),
    );
    expect(taken.toSorted()).toEqual([...Array(30).fill('ORDER_ALREADY_EXISTS'), ...Array(30).fill('taken')]);
    await endsOf([...orderIds, ...ids('contested', 30).map((_, index) => `contested-${index}`)]);
    await whole.expectSound();
  } finally {
    await second.stop();
  }
});

/** Every state on the way of an order that goes well. */
const steps = [
  Order_State.PENDING,
  Order_State.ACCEPTED,
  Order_State.RESERVED,
  Order_State.CONFIRMED,
  Order_State.COMPLETED,
] as const;

test('cancels in every state: each order is completed and paid, or cancelled and not', async () => {
  const names = ids('race', 60);
  const refused = await Promise.all(
    names.map(async (orderId, index) => {
      await whole.place({ orderId, lines: { 'p-301': 1 } });
      // By the time of the call it may have gone on: that is the race.
      const wanted = index % steps.length;
      await whole.ended(orderId, ...steps.slice(wanted));
      return untilKnown(() => whole.orders.cancelOrder({ orderId, reason: 'a race' })).then(
        () => false,
        (error: unknown) => {
          expect(errorReason(error)).toBe('ORDER_NOT_CANCELLABLE');
          return true;
        },
      );
    }),
  );
  const uncancelled = refused.filter(Boolean).length;
  const ends = [
    [Order_State.CANCELLED, names.length - uncancelled],
    [Order_State.COMPLETED, uncancelled],
  ] as const;
  // Each may come too late.
  expect(await endsOf(names)).toEqual(new Map(ends.filter(([, count]) => count > 0)));
  await whole.expectSound();
});

test('every event republished three times, in any order: nothing changes', async () => {
  console.log(`FAULT_SEED=${seed}`);
  const random = seededRandom(seed);
  const before = await snapshot();
  const eventTopics = [topics.orderEvents, topics.inventoryEvents, topics.paymentEvents];
  for (const topic of eventTopics) {
    const records = await whole.stores.readTopic(topic);
    const republished = [...records, ...records, ...records]
      .map((record) => ({ record, at: random() }))
      .sort((a, b) => a.at - b.at)
      .map(({ record: { key, value, headers } }) => ({ key, value, headers: { ...headers } }));
    await whole.stores.producer.send({
      topic: `${whole.env['TOPIC_PREFIX']}${topic}`,
      acks: -1,
      messages: republished,
    });
  }
  await whole.place({ orderId: 'after-the-storm', lines: { 'p-302': 1 } });
  await whole.ended('after-the-storm');
  await whole.expectSound();
  const after = await snapshot();
  after.orders = after.orders.filter(({ id }) => id !== 'after-the-storm');
  expect(after.orders).toEqual(before.orders);
  expect(after.ledger).toBe(before.ledger + 1);
});

async function snapshot() {
  const { entries } = await whole.gateway.listLedger({ pageSize: 10_000 });
  const orders = await whole.stores.query<{ id: string; state: string; version: number }>(
    'select id, state, version from orders order by id',
  );
  return { orders, ledger: entries.length };
}

describe('an order that is cancelled while its charge is in flight', () => {
  test.for(['payment-gateway-stub', 'payment'] as const)('and %s is frozen', async (name) => {
    const names = ids(`frozen-${name}`, 5);
    await slowCharges(names, 500);
    for (const orderId of names) await whole.place({ orderId, lines: { 'p-303': 1 } });
    for (const orderId of names) await whole.ended(orderId, Order_State.RESERVED, Order_State.CONFIRMED);
    whole.services[name].freeze();
    try {
      await Promise.all(
        names.map((orderId) =>
          whole.orders.cancelOrder({ orderId }).catch((error: unknown) => {
            expect(errorReason(error)).toBe('ORDER_NOT_CANCELLABLE');
          }),
        ),
      );
      // Past the session of payment's consumer, and past the time-out of the call.
      await sleep(6_000);
    } finally {
      whole.services[name].thaw();
    }
    await endsOf(names);
    await whole.expectSound();
  });
});

test('the deadline of an order against its charge: either wins, and the money says the same', async () => {
  const names = ids('deadline', 10);
  const saga = whole.services['order-saga'];
  const worker = whole.services['order-worker'];
  const hurry = { ORDER_DEADLINE: '2s' };
  await Promise.all([saga.stop(), worker.stop()]);
  await Promise.all([saga.start(hurry), worker.start(hurry)]);
  const fault = create(FaultSchema, {
    method: 'Charge',
    ids: names,
    minLatency: { nanos: 100_000_000 },
    maxLatency: { seconds: 3n },
  });
  await whole.gatewayFaults.setFault({ fault });
  for (const orderId of names) await whole.place({ orderId, lines: { 'p-304': 1 } });
  await endsOf(names);
  await Promise.all([saga.stop(), worker.stop()]);
  await Promise.all([saga.start(), worker.start()]);
  await whole.expectSound();
});

test('a gateway that carries every charge out twice, or fails after it, charges once', async () => {
  const names = ids('doubled', 6);
  for (const fault of [
    create(FaultSchema, { method: 'Charge', ids: names.slice(0, 3), kind: Fault_Kind.TWICE }),
    create(FaultSchema, {
      method: 'Charge',
      ids: names.slice(3),
      errorRate: 0.5,
      errorCode: 13,
      afterEffect: true,
    }),
  ]) {
    await whole.gatewayFaults.setFault({ fault });
    const some = fault.ids;
    for (const orderId of some) await whole.place({ orderId, lines: { 'p-305': 1 } });
    await endsOf(some);
  }
  await whole.gatewayFaults.clearFaults({});
  await whole.expectSound();
});

test('the reply to a COMMIT is lost: the order is there once, and its caller learns it', async () => {
  const target = Number(new URL(whole.env['POSTGRES_URL'] ?? '').port);
  await using proxy = await createProxy({ target });
  const url = new URL(whole.env['POSTGRES_URL'] ?? '');
  url.port = String(proxy.port);
  const api = whole.services['order-api'];
  await api.stop();
  await api.start({ POSTGRES_URL: url.href.replace(/\/$/, '') });
  const names = ids('commit', 20);
  const work = names.map((orderId) => whole.place({ orderId, lines: { 'p-306': 1 } }));
  for (let cuts = 0; cuts < 5; cuts += 1) {
    proxy.dropReplies();
    await sleep(100);
    proxy.cut();
    await proxy.heal();
    await sleep(100);
  }
  await Promise.all(work);
  expect(await endsOf(names)).toEqual(new Map([[Order_State.COMPLETED, 20]]));
  await api.stop();
  await api.start();
  await whole.expectSound();
});
