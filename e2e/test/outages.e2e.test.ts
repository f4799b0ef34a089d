import { isSettled } from '@orderflow/local/audit';
import { readPrices } from '@orderflow/local/catalogue';
import { makeOrders, type TestOrder } from '@orderflow/local/orders';
import { enrichmentPath, sumOf } from '@orderflow/local/system';
import { eventually, privateStack } from '@orderflow/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createTestSystem,
  decidedCount,
  expectAllSettled,
  sendOrders,
  type TestSystem,
} from '../src/test-system.ts';

/** A tenth of the readable ones must be rejected, each for its own reason; three can't be read. */
const recordCount = 303;

/** A running system, with orders for it. */
async function startSystem(
  name: string,
  env: Record<string, string> = {},
): Promise<{ system: TestSystem; orders: TestOrder[] }> {
  const system = await createTestSystem(name, env);
  await system.start(enrichmentPath);
  const prices = await readPrices(system.services['enrichment-stub'].url);
  return { system, orders: makeOrders({ prefix: name, count: recordCount, prices }) };
}

/** The worker has met the outage: it waits, and says so. */
async function expectWaiting({ services }: TestSystem): Promise<void> {
  await eventually(async () => {
    const metrics = await services['order-worker'].metrics();
    expect(sumOf(metrics, 'orderflow_consumer_paused', { topic: 'orders' })).toBeGreaterThan(0);
  });
}

test('while the enrichment API is unavailable orders wait; then all are decided as if nothing had happened', async () => {
  const { system, orders } = await startSystem('enrichment-away');
  await using _ = system;
  const stub = system.services['enrichment-stub'];
  await sendOrders(system.stores, orders.slice(0, 100));
  await eventually(async () => (await decidedCount(system.stores)) > 0);
  await stub.kill();
  await sendOrders(system.stores, orders.slice(100));
  await expectWaiting(system);
  await stub.start();
  await expectAllSettled(system.stores, orders);
});

describe('with stores of its own', () => {
  let own: Awaited<ReturnType<typeof privateStack>>;
  beforeAll(async () => {
    own = await privateStack({ parts: ['mongo', 'redis'] });
  });
  afterAll(() => own?.[Symbol.asyncDispose]());

  test('while MongoDB is unavailable orders wait; then all are shown', async () => {
    const { system, orders } = await startSystem('mongo-away', { MONGO_URL: own.urls.MONGO_URL });
    await using _ = system;
    await sendOrders(system.stores, orders.slice(0, 100));
    await eventually(async () => (await decidedCount(system.stores)) > 0);
    await own.parts.mongo.kill();
    await sendOrders(system.stores, orders.slice(100));
    await expectWaiting(system);
    await own.parts.mongo.start();
    await expectAllSettled(system.stores, orders);
  });

  test('without Redis all is decided, only slower', async () => {
    const { system, orders } = await startSystem('redis-away', { REDIS_URL: own.urls.REDIS_URL });
    await using _ = system;
    const lookups = async (result: 'hit' | 'miss') =>
      sumOf(await system.services['order-worker'].metrics(), 'orderflow_enrichment_cache_total', { result });
    await sendOrders(system.stores, orders.slice(0, 100));
    await eventually(() => isSettled(system.stores, orders.slice(0, 100)));
    const [hits, misses] = [await lookups('hit'), await lookups('miss')];
    await own.parts.redis.kill();
    await sendOrders(system.stores, orders.slice(100));
    await expectAllSettled(system.stores, orders);
    expect(await lookups('hit')).toBe(hits);
    expect(await lookups('miss')).toBeGreaterThan(misses);
  });
});
