import { createProxy, testStack, uniqueName } from '@orderflow/testing';
import { Redis } from 'ioredis';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { createOrderLocks } from '../src/outbound/redis/order-locks.ts';

let redis: Redis;
beforeAll(() => {
  redis = new Redis(testStack().urls.REDIS_URL);
  return () => redis.disconnect();
});

/** Two workers that compete for the same orders. */
function twoWorkers() {
  const prefix = `${uniqueName('locks')}:`;
  const troubles: unknown[] = [];
  const worker = () => createOrderLocks(redis, prefix, (error) => troubles.push(error));
  return { one: worker(), other: worker(), troubles, keyOf: (id: string) => `${prefix}order-lock:${id}` };
}

async function msFor(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

test('a lock expires after its time limit, and is gone when it is released', async () => {
  const { one, keyOf } = twoWorkers();
  const release = await one.acquire(['o-1', 'o-2']);
  for (const id of ['o-1', 'o-2']) {
    expect(await redis.pttl(keyOf(id))).toBeGreaterThan(1_000);
    expect(await redis.pttl(keyOf(id))).toBeLessThanOrEqual(10_000);
  }
  await release();
  expect(await redis.exists(keyOf('o-1'), keyOf('o-2'))).toBe(0);
});

test('a second holder waits for a lock, and gets it when it is released', async () => {
  const { one, other, keyOf } = twoWorkers();
  const release = await one.acquire(['o-1']);
  const before = await redis.get(keyOf('o-1'));
  const waiting = other.acquire(['o-1']);
  await release();
  const releaseOther = await waiting;
  const after = await redis.get(keyOf('o-1'));
  expect(after).not.toBe(null);
  expect(after).not.toBe(before);
  await releaseOther();
});

test('a lock that stays held is waited for half a second, then work continues without it', async () => {
  const { one, other, keyOf } = twoWorkers();
  await one.acquire(['o-1']);
  const held = await redis.get(keyOf('o-1'));
  let release: (() => Promise<void>) | undefined;
  const waited = await msFor(async () => {
    release = await other.acquire(['o-1', 'o-2']);
  });
  expect(waited).toBeGreaterThanOrEqual(450);
  await release?.();
  // Only its own are released.
  expect(await redis.get(keyOf('o-1'))).toBe(held);
  expect(await redis.exists(keyOf('o-2'))).toBe(0);
});

test('without Redis work continues at once', async () => {
  const proxy = await createProxy({ target: testStack().parts.redis.port });
  onTestFinished(() => proxy.close());
  const gone = new Redis(`redis://127.0.0.1:${proxy.port}`, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    lazyConnect: true,
  });
  onTestFinished(() => gone.disconnect());
  gone.on('error', () => {});
  await gone.connect();
  await proxy.refuse();
  const troubles: unknown[] = [];
  const release = await createOrderLocks(gone, 'x:', (error) => troubles.push(error)).acquire(['o-1']);
  await release();
  expect(troubles.length).toBeGreaterThan(0);
});
