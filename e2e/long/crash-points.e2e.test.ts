import { isSettled } from '@orderflow/local/audit';
import { readPrices } from '@orderflow/local/catalogue';
import { makeOrders } from '@orderflow/local/orders';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createTestSystem,
  expectAllSettled,
  sendOrders,
  startAndCrash,
  type TestSystem,
} from '../src/test-system.ts';

// The worker alone, with hundreds of records; among all other processes faults/whole-crash-points does the same.
const points = [
  'consumer-after-fetch',
  'worker-after-enrichment',
  'worker-after-decision',
  'worker-after-mongo',
  'consumer-before-commit',
] as const;

/** Every hundredth record cannot be read: 500 that can. */
const recordCount = 505;

let enrichment: TestSystem;
let prices: ReadonlyMap<string, bigint>;

beforeAll(async () => {
  enrichment = await createTestSystem('crash-points-enrichment');
  const stub = enrichment.services['enrichment-stub'];
  await stub.start();
  prices = await readPrices(stub.url);
});

afterAll(() => enrichment?.[Symbol.asyncDispose]());

describe.concurrent('500 orders are decided, shown and published once each', () => {
  // The first batches pass, then one dies half-way; the second time a recovered batch passes before that.
  describe.for(points)('when the worker is killed at %s', (point) => {
    test('once', () => crashAndCount(point, [3]));
    test('and again in its recovery', () => crashAndCount(point, [3, 2]));
  });
});

async function crashAndCount(point: string, passages: readonly number[]): Promise<void> {
  const { url } = enrichment.services['enrichment-stub'];
  await using system = await createTestSystem(`${point}-${passages.length}`, {
    CUSTOMER_API_URL: url,
    PRODUCT_API_URL: url,
  });
  const { stores, services } = system;
  const worker = services['order-worker'];
  await Promise.all([services['order-relay'].start(), services['order-view'].start()]);
  const orders = makeOrders({
    prefix: point,
    count: recordCount,
    prices,
    formats: ['protobuf', 'plain_json', 'protobuf_json'],
  });
  await sendOrders(stores, orders);

  for (const passage of passages) {
    await startAndCrash(worker, `${point}#${passage}`);
    expect(await isSettled(stores, orders)).toBe(false);
  }
  await worker.start();
  const { accepted } = await expectAllSettled(stores, orders);
  expect(accepted).toBeGreaterThan(400);
}
