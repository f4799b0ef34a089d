import { Code, ConnectError } from '@connectrpc/connect';
import { Order_State } from '@orderflow/contracts/orderflow/order/v1/order';
import type { WatchOrdersResponse } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { errorInfo } from '@orderflow/rpc';
import { eventually } from '@orderflow/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runApi } from './running-api.ts';

let api: Awaited<ReturnType<typeof runApi>>;
beforeAll(async () => {
  api = await runApi({ MAX_WATCHERS: '6' }, ['api', 'relay'], {
    changeLogLimits: { maxChanges: 5, maxAgeMs: 300_000 },
  });
});
afterAll(() => api?.[Symbol.asyncDispose]());

const reasonOf = (error: unknown) => errorInfo(ConnectError.from(error))?.reason;

/** What a watch has streamed until now. */
function reading<T>(stream: AsyncIterable<T>, stop: AbortController) {
  const read: T[] = [];
  const { promise: begun, resolve, reject } = Promise.withResolvers<void>();
  const done = (async () => {
    for await (const response of stream) {
      read.push(response);
      resolve();
    }
  })();
  for (const promise of [begun, done]) promise.catch(() => {});
  done.then(resolve, reject);
  return {
    read,
    /** Resolves with the first response. */
    begun,
    done,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await done.catch(() => {});
    },
  };
}

function watchOrder(orderId: string, afterVersion = 0n) {
  const stop = new AbortController();
  return reading(api.orders.watchOrder({ orderId, afterVersion }, { signal: stop.signal }), stop);
}

function watchOrders(request: { customerId?: string; resumeToken?: string } = {}) {
  const stop = new AbortController();
  return reading(api.orders.watchOrders(request, { signal: stop.signal }), stop);
}

const nameOf = (state: Order_State) => Object.entries(Order_State).find(([, each]) => each === state)?.[0];
const states = (read: { order?: { state: Order_State; version: bigint } | undefined }[]) =>
  read.flatMap(({ order }) => (order ? [`${nameOf(order.state)} ${order.version}`] : []));

test('an order is streamed as it is, then after its event, and the stream ends with the end of the order', async () => {
  await api.place('watched');
  await using watch = watchOrder('watched');
  await eventually(async () => expect(states(watch.read)).toEqual(['PENDING 0']));
  await api.orders.cancelOrder({ orderId: 'watched' });
  await watch.done;
  expect(states(watch.read)).toEqual(['PENDING 0', 'CANCELLED 1']);
  expect(watch.read[0]?.order?.lines).toHaveLength(1);

  await using late = watchOrder('watched');
  await late.done;
  expect(states(late.read)).toEqual(['CANCELLED 1']);
  await using resumed = watchOrder('watched', 1n);
  await resumed.done;
  expect(resumed.read).toEqual([]);
});

test('all orders are streamed after their events, those of a customer to those who watch it', async () => {
  await using all = watchOrders();
  await using own = watchOrders({ customerId: 'c-1' });
  await using others = watchOrders({ customerId: 'c-2' });
  await Promise.all([all.begun, own.begun, others.begun]);
  expect(all.read[0]?.order).toBeUndefined();
  await api.place('listed');
  await api.orders.cancelOrder({ orderId: 'listed' });
  const ids = (read: WatchOrdersResponse[]) => read.flatMap(({ order }) => order?.orderId ?? []);
  await eventually(async () => {
    expect(ids(all.read)).toEqual(['listed']);
    expect(ids(own.read)).toEqual(['listed']);
  });
  expect(ids(others.read)).toEqual([]);

  // From the bookmark before it.
  const token = all.read[0]?.resumeToken ?? '';
  await using resumed = watchOrders({ resumeToken: token });
  await eventually(async () => expect(ids(resumed.read)).toEqual(['listed']));
  await using later = watchOrders({ resumeToken: all.read.at(-1)?.resumeToken ?? '' });
  await eventually(async () => expect(later.read).toHaveLength(1));
  expect(ids(later.read)).toEqual([]);
});

test('a watch does not continue after changes that are not kept any more', async () => {
  await using all = watchOrders();
  await all.begun;
  const [{ resumeToken = '' } = {}] = all.read;
  const ids = Array.from({ length: 7 }, (_, index) => `many-${index}`);
  for (const orderId of ids) {
    await api.place(orderId);
    await api.orders.cancelOrder({ orderId });
  }
  await eventually(async () => expect(states(all.read)).toHaveLength(ids.length));
  await expect(watchOrders({ resumeToken }).done).rejects.toSatisfy((e) => {
    expect(reasonOf(e)).toBe('WATCH_TOO_OLD');
    return ConnectError.from(e).code === Code.OutOfRange;
  });
});

test('tokens that say nothing, or too much, and orders that do not exist are refused', async () => {
  await expect(watchOrder('none').done).rejects.toSatisfy((e) => reasonOf(e) === 'ORDER_NOT_FOUND');
  for (const resumeToken of [
    'x',
    Buffer.from('0:1,').toString('base64url'),
    Buffer.from('0:99999999999999999').toString('base64url'),
  ]) {
    await expect(watchOrders({ resumeToken }).done).rejects.toSatisfy(
      (e) => reasonOf(e) === 'RESUME_TOKEN_INVALID',
    );
  }
});

test('more watches than MAX_WATCHERS are refused, and those that have ended do not count', async () => {
  await api.place('popular');
  const watches = await Promise.all(
    Array.from({ length: 6 }, async () => {
      const watch = watchOrder('popular');
      await watch.begun;
      return watch;
    }),
  );
  await using refused = watchOrder('popular');
  await expect(refused.done).rejects.toSatisfy((e) => {
    expect(errorInfo(e)).toMatchObject({ reason: 'TOO_MANY_WATCHERS', metadata: { limit: '6' } });
    return ConnectError.from(e).code === Code.ResourceExhausted;
  });
  await Promise.all(watches.map((watch) => watch[Symbol.asyncDispose]()));
  await eventually(async () => {
    await using again = watchOrder('popular');
    await again.begun;
  });
});
