import { expect, test } from 'vitest';
import { createChangeLog } from '../src/domain/change-log.ts';
import type { FullOrder, StoredOrder } from '../src/domain/order.ts';
import { Refusal } from '../src/domain/refusal.ts';
import type { OrderState } from '../src/domain/saga.ts';
import { createFollowers } from '../src/outbound/kafka/followers.ts';
import type { OrderChanges } from '../src/ports.ts';
import { type WatchTimes, watchOrder } from '../src/use-cases/watch-order.ts';
import { watchOrders } from '../src/use-cases/watch-orders.ts';

const long: WatchTimes = { bookmarkMs: 1_000_000, lifetimeMs: 1_000_000 };

/** One order, whose events are published when a test says so. */
function world() {
  let order = { orderId: 'o-1', version: 0, state: 'PENDING', refunded: false } as FullOrder;
  let offset = 0;
  const start = new Map([[0, 0]]);
  const log = createChangeLog({ start, end: start, maxChanges: 5, maxAgeMs: 1e9, now: () => 0 });
  const followers = createFollowers(1_000);
  const changes: OrderChanges = {
    follow: async (followed, signal) => followers.add(followed, log, signal),
  };
  const hooks = { whileReading: () => {} };
  const read = async () => {
    const found = order;
    hooks.whileReading();
    return found;
  };
  return {
    hooks,
    followers,
    changes,
    read,
    commit(version: number, state: OrderState, change: Partial<FullOrder> = {}): void {
      order = { ...order, version, state, ...change };
    },
    publish(version: number, orderId = 'o-1'): void {
      const change = { orderId, customerId: 'c-1', version, partition: 0, offset: offset++ };
      if (log.append(change)) followers.changed(change);
      log.advance(0, offset);
    },
    watch: (afterVersion = 0, times = long, signal = new AbortController().signal) =>
      watchOrder(
        { changes, reader: { find: async (id) => (id === 'o-1' ? read() : undefined) }, load: read },
        { orderId: 'o-1', afterVersion, ownedBy: undefined },
        times,
        signal,
      ),
    watchAll: (signal = new AbortController().signal) =>
      watchOrders(
        {
          changes,
          load: async (id) => (id === 'o-1' ? ((await read()) as unknown as StoredOrder) : undefined),
        },
        { customerId: undefined, from: undefined },
        long,
        signal,
      ),
  };
}

const versionOf = async (watch: AsyncGenerator<FullOrder | undefined>) => (await watch.next()).value?.version;

test('an event that comes while the order is read is not missed', async () => {
  const { hooks, watch, commit, publish } = world();
  hooks.whileReading = () => {
    hooks.whileReading = () => {};
    commit(1, 'CANCELLED');
    publish(1);
  };
  const watched = watch();
  expect(await versionOf(watched)).toBe(0);
  expect(await versionOf(watched)).toBe(1);
  expect((await watched.next()).done).toBe(true);
});

test('events that come after the order was read as new as they are yield nothing', async () => {
  const { watch, commit, publish, followers } = world();
  commit(3, 'CONFIRMED');
  const watched = watch();
  expect(await versionOf(watched)).toBe(3);
  const next = versionOf(watched);
  publish(2);
  publish(3);
  // Both have been looked at before the next one comes.
  await new Promise(setImmediate);
  commit(4, 'COMPLETED');
  publish(4);
  expect(await next).toBe(4);
  expect((await watched.next()).done).toBe(true);
  expect(followers.size).toBe(0);
});

test.each([
  ['REJECTED', {}, 'ends'],
  ['CANCELLED', {}, 'ends'],
  ['COMPLETED', { refunded: true }, 'ends'],
  ['COMPLETED', {}, 'waits'],
  ['CONFIRMED', {}, 'waits'],
] as const)('a watch after the last version of an order that is %s %o %s', async (state, change, outcome) => {
  const { watch, commit, publish } = world();
  commit(4, state, change);
  const watched = watch(4);
  const next = watched.next();
  const first = await Promise.race([next, new Promise((resolve) => setTimeout(resolve, 20, 'waits'))]);
  expect(first).toEqual(outcome === 'ends' ? { done: true, value: undefined } : 'waits');
  if (outcome === 'ends') return;
  commit(5, 'COMPLETED', { refunded: true });
  publish(5);
  expect((await next).value?.version).toBe(5);
});

test('bookmarks come while nothing changes, the last at the end of the lifetime', async () => {
  const { watch } = world();
  const read: unknown[] = [];
  for await (const order of watch(0, { bookmarkMs: 20, lifetimeMs: 50 })) read.push(order?.version);
  expect(read[0]).toBe(0);
  expect(read.length).toBeGreaterThanOrEqual(2);
  expect(new Set(read.slice(1))).toEqual(new Set([undefined]));
});

test('a watch ends with the reason of its signal, and with what Kafka says', async () => {
  const { watch, followers } = world();
  const stop = new AbortController();
  const [one, other] = [watch(0, long, stop.signal), watch()];
  await Promise.all([one.next(), other.next()]);
  const ended = expect(one.next()).rejects.toThrow('the caller has gone');
  stop.abort(new Error('the caller has gone'));
  await ended;
  const failed = expect(other.next()).rejects.toThrow('unavailable');
  followers.end(new Refusal('DEPENDENCY_UNAVAILABLE', 'unavailable'));
  await failed;
  expect(followers.size).toBe(0);
});

test('of all orders a version that was read before its event comes once', async () => {
  const { watchAll, commit, publish } = world();
  const stop = new AbortController();
  const watched = watchAll(stop.signal);
  expect((await watched.next()).value?.order).toBeUndefined();
  commit(3, 'CONFIRMED');
  publish(1);
  expect((await watched.next()).value?.order?.version).toBe(3);
  const next = watched.next();
  for (const version of [2, 3]) {
    publish(version);
    await new Promise(setImmediate);
  }
  commit(4, 'COMPLETED');
  publish(4);
  expect((await next).value?.order?.version).toBe(4);
});

test('events of an order that does not exist, as a forged one, end no watch of all orders', async () => {
  const { watchAll, commit, publish } = world();
  const watched = watchAll();
  await watched.next();
  publish(1, 'none');
  commit(1, 'ACCEPTED');
  publish(1);
  expect((await watched.next()).value).toMatchObject({ order: { version: 1 }, positions: new Map([[0, 2]]) });
});

test('a reader that takes nothing misses nothing of one order, and learns when it has missed others', async () => {
  const { watchAll, commit, publish } = world();
  const watched = watchAll();
  await watched.next();
  for (let version = 1; version <= 20; version++) {
    commit(version, 'CONFIRMED');
    publish(version);
  }
  expect((await watched.next()).value?.order?.version).toBe(20);
  for (let n = 0; n < 10; n++) publish(1, `other-${n}`);
  await expect(watched.next()).rejects.toMatchObject({ reason: 'SLOW_CONSUMER' });
});

test('an event of no order, or with a wrong customer, shows nothing and ends no watch', async () => {
  const { changes, publish } = world();
  const stored = new Map([
    ['o-other', { orderId: 'o-other', customerId: 'c-2', version: 1 }],
    ['o-1', { orderId: 'o-1', customerId: 'c-1', version: 2 }],
  ]);
  const load = async (orderId: string) => stored.get(orderId) as StoredOrder | undefined;
  const request = { customerId: 'c-1', from: undefined };
  const watched = watchOrders({ changes, load }, request, long, new AbortController().signal);
  await watched.next();
  publish(1, 'o-none');
  publish(1, 'o-other');
  publish(2);
  expect((await watched.next()).value?.order?.orderId).toBe('o-1');
});
