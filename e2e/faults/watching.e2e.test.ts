import { Code, ConnectError } from '@connectrpc/connect';
import { type Order, Order_State } from '@orderflow/contracts/orderflow/order/v1/order';
import { type Clients, clientsOf } from '@orderflow/local/clients';
import { recordOf } from '@orderflow/local/orders';
import type { System } from '@orderflow/local/system';
import { errorReason, resumedStream } from '@orderflow/rpc';
import { eventually, privateStack } from '@orderflow/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { comeBack } from '../src/chaos.ts';
import { createSecondSystem } from '../src/test-system.ts';
import { startWhole, type Whole } from '../src/whole.ts';

let own: Awaited<ReturnType<typeof privateStack>>;
let whole: Whole;
let second: System;

beforeAll(async () => {
  own = await privateStack({ parts: ['kafka'] });
  whole = await startWhole('watching', { KAFKA_BROKERS: own.urls.KAFKA_BROKERS, SLICE_SIZE: '500' });
  second = await createSecondSystem(whole);
  await second.start(['order-api']);
});
afterAll(async () => {
  await second?.stop();
  await whole?.[Symbol.asyncDispose]();
  await own?.[Symbol.asyncDispose]();
});

const ends: readonly (Order_State | undefined)[] = [
  Order_State.REJECTED,
  Order_State.CANCELLED,
  Order_State.COMPLETED,
];

/** Watches all orders as a client does, one attempt at each instance, until it is stopped. */
function watchAll(instances: readonly Clients[]) {
  const stop = new AbortController();
  const seen = new Map<string, Order>();
  let attempts = 0;
  let resumeToken = '';
  const done = (async () => {
    const responses = resumedStream({
      signal: stop.signal,
      open(signal) {
        const { orders } = instances[attempts++ % instances.length] as Clients;
        return orders.watchOrders({ resumeToken }, { signal, timeoutMs: 0 });
      },
    });
    for await (const { order, resumeToken: next } of responses) {
      resumeToken = next;
      if (order === undefined) continue;
      expect(order.version).toBeGreaterThanOrEqual(seen.get(order.orderId)?.version ?? 0n);
      seen.set(order.orderId, order);
    }
  })();
  done.catch(() => {});
  return {
    seen,
    begun: () => eventually(() => expect(resumeToken).not.toBe('')),
    attempts: () => attempts,
    async stop() {
      stop.abort(new Error('enough'));
      await expect(done).rejects.toThrow('enough');
    },
  };
}

/** Watches one order until its end, as a client does. Returns the states that it saw. */
async function watchOne(instances: readonly Clients[], orderId: string): Promise<Order_State[]> {
  const states: Order_State[] = [];
  let [afterVersion, attempts] = [0n, 0];
  const responses = resumedStream({
    signal: AbortSignal.timeout(120_000),
    open(signal) {
      const { orders } = instances[attempts++ % instances.length] as Clients;
      return orders.watchOrder({ orderId, afterVersion }, { signal, timeoutMs: 0 });
    },
  });
  for await (const { order } of responses) {
    if (order === undefined) continue;
    states.push(order.state);
    afterVersion = order.version;
    if (ends.includes(order.state)) break;
  }
  return states;
}

test('either of two API processes killed and stopped under 500 orders: no watcher misses an end', async () => {
  const instances = [clientsOf(whole, 'grpc'), clientsOf(second)];
  const all = [watchAll(instances), watchAll(instances.toReversed())];
  await Promise.all(all.map(({ begun }) => begun()));
  const single = Array.from({ length: 10 }, (_, index) => `single-${index}`);
  for (const orderId of single) await whole.place({ orderId, lines: { 'p-801': 1 } });
  const watched = single.map((orderId) => watchOne(instances, orderId));
  const ids = Array.from({ length: 490 }, (_, index) => `watched-${index}`);
  await whole.stores.send(
    ids.map((orderId, index) => {
      const lines = [{ productId: `p-${701 + (index % 40)}`, quantity: 1 }];
      return recordOf({ orderId, customerId: 'c-1', lines }, 'protobuf');
    }),
  );
  const apis = [whole.services['order-api'], second.services['order-api']];
  const seenEnds = () => [...ids, ...single].filter((id) => ends.includes(all[0]?.seen.get(id)?.state));
  for (const [index, api] of [...apis, ...apis].entries()) {
    const before = seenEnds().length;
    if (index < 2) await api.kill();
    else await api.stop();
    await api.start();
    await eventually(() => expect(seenEnds().length).toBeGreaterThan(Math.min(before, 499)), {
      timeoutMs: 60_000,
    });
  }
  await eventually(
    () => {
      for (const { seen } of all) {
        const missing = [...ids, ...single].filter((id) => !ends.includes(seen.get(id)?.state));
        expect(missing).toEqual([]);
      }
    },
    { timeoutMs: 120_000 },
  );
  for (const states of await Promise.all(watched)) expect(states.at(-1)).toBe(Order_State.COMPLETED);
  const rows = await whole.stores.query<{ id: string; version: number }>('select id, version from orders');
  for (const { seen, attempts, stop } of all) {
    for (const { id, version } of rows) expect(Number(seen.get(id)?.version), id).toBe(version);
    expect(attempts()).toBeGreaterThan(1);
    await stop();
  }
});

test('while Kafka is down only watching is unavailable, and then continues where it was', async () => {
  const { orders } = whole;
  const watch = watchAll([clientsOf(whole)]);
  await watch.begun();
  await own.parts.kafka.kill();
  await eventually(
    async () => {
      const error = await orders
        .watchOrders({}, { timeoutMs: 0 })
        [Symbol.asyncIterator]()
        .next()
        .catch(ConnectError.from);
      expect(error).toMatchObject({ code: Code.Unavailable });
      expect(errorReason(error)).toBe('DEPENDENCY_UNAVAILABLE');
    },
    { timeoutMs: 60_000 },
  );
  await whole.services['order-api'].ready();
  await whole.place({ orderId: 'meanwhile', lines: { 'p-802': 1 } });
  await own.parts.kafka.start();
  await Promise.all(Object.values(whole.services).map(comeBack));
  await eventually(() => expect(watch.seen.get('meanwhile')?.state).toBe(Order_State.COMPLETED), {
    timeoutMs: 120_000,
  });
  await watch.stop();
});
