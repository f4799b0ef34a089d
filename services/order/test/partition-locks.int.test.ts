import { createProxy, testStack, uniqueName } from '@orderflow/testing';
import { Redis } from 'ioredis';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { createPartitionLocks } from '../src/outbound/redis/partition-locks.ts';

let redis: Redis;
beforeAll(() => {
  redis = new Redis(testStack().urls.REDIS_URL);
  return () => redis.disconnect();
});

/** Two workers that compete for the same partitions. */
function twoWorkers() {
  const prefix = `${uniqueName('locks')}:`;
  const troubles: unknown[] = [];
  const worker = () => createPartitionLocks(redis, prefix, (error) => troubles.push(error));
  return {
    one: worker(),
    other: worker(),
    troubles,
    keyOf: (partition: string) => `${prefix}partition-lock:${partition}`,
  };
}

async function msFor(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

test('a lock expires after its time limit, and is gone when it is released', async () => {
  const { one, keyOf } = twoWorkers();
  const release = await one.acquire(['orders/1', 'orders/2']);
  for (const partition of ['orders/1', 'orders/2']) {
    expect(await redis.pttl(keyOf(partition))).toBeGreaterThan(1_000);
    expect(await redis.pttl(keyOf(partition))).toBeLessThanOrEqual(10_000);
  }
  await release();
  expect(await redis.exists(keyOf('orders/1'), keyOf('orders/2'))).toBe(0);
});

test('a second holder waits for a lock, and gets it when it is released', async () => {
  const { one, other, keyOf } = twoWorkers();
  const release = await one.acquire(['orders/1']);
  const before = await redis.get(keyOf('orders/1'));
  const waiting = other.acquire(['orders/1']);
  await release();
  const releaseOther = await waiting;
  const after = await redis.get(keyOf('orders/1'));
  expect(after).not.toBe(null);
  expect(after).not.toBe(before);
  await releaseOther();
});

test('a lock that stays held is waited for half a second, then taken over', async () => {
  const { one, other, keyOf } = twoWorkers();
  const releaseOne = await one.acquire(['orders/1']);
  let releaseOther = async () => {};
  const waited = await msFor(async () => {
    releaseOther = await other.acquire(['orders/1', 'orders/2']);
  });
  expect(waited).toBeGreaterThanOrEqual(450);
  const taken = await redis.get(keyOf('orders/2'));
  expect(await redis.get(keyOf('orders/1'))).toBe(taken);
  // Each releases only its own.
  await releaseOne();
  expect(await redis.get(keyOf('orders/1'))).toBe(taken);
  expect(await redis.pttl(keyOf('orders/1'))).toBeGreaterThan(1_000);
  // The next batch does not wait.
  await releaseOther();
  expect(await redis.exists(keyOf('orders/1'), keyOf('orders/2'))).toBe(0);
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
  const release = await createPartitionLocks(gone, 'x:', (error) => troubles.push(error)).acquire([
    'orders/1',
  ]);
  await release();
  expect(troubles.length).toBeGreaterThan(0);
});
