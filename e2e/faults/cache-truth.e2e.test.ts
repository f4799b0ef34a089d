import { create } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { CustomerSchema } from '@orderflow/contracts/orderflow/enrichment/v1/customer';
import type { TestOrder } from '@orderflow/local/orders';
import { createProxy, eventually } from '@orderflow/testing';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { documentOf, pausedPartitions, type Run, rejectedFor, startRun } from '../src/grid.ts';

const hour = 3_600_000;
const day = 24 * hour;

let run: Run;
let redis: Redis;

beforeAll(async () => {
  run = await startRun('faults-cache');
  redis = new Redis(run.env['REDIS_URL'] ?? '');
});
afterEach(() => run.settle());
afterAll(async () => {
  redis?.disconnect();
  await run?.[Symbol.asyncDispose]();
});

type Kind = 'customer' | 'product';
const entryKey = (kind: Kind, key: string) => `${run.env['TOPIC_PREFIX']}enrichment:{${kind}:${key}}`;
const askedFor = async (id: string) => (await run.faults.getCallCounts({})).ids[id] ?? 0n;

/** Sends one order; returns the customer and the product that it was decided with. */
async function decided(order: TestOrder, partition = 0) {
  await run.sendTo(partition, [order]);
  return enrichmentOf(order);
}

async function enrichmentOf({ orderId }: TestOrder) {
  const { customer, lines } = await documentOf(run, orderId);
  const [line] = lines as { product: { stale: boolean } }[];
  return { customer: customer as { name: string; stale: boolean }, product: line?.product };
}

/** Changes a customer; returns its new version. */
async function change(customerId: string, name: string, active = true): Promise<bigint> {
  const customer = create(CustomerSchema, { customerId, name, email: 'new@example.com', active });
  const { customer: changed } = await run.customers.updateCustomer({ customer });
  return changed?.version ?? 0n;
}

/** Waits until the cache has a minimum version. */
async function untilMinimumVersion(customerId: string, version: bigint): Promise<void> {
  const minimumVersionKey = `${entryKey('customer', customerId)}:announced`;
  await eventually(async () => expect(await redis.get(minimumVersionKey)).toBe(String(version)));
}

describe('a published change', () => {
  test('is read from the API by the next order, and kept for those after it', async () => {
    await decided(run.order('announced-1', 'c-11', 'p-1'));
    await decided(run.order('announced-2', 'c-11', 'p-1'));
    expect(await askedFor('c-11')).toBe(1n);
    await untilMinimumVersion('c-11', await change('c-11', 'New Name'));
    await run.faults.resetCallCounts({});
    expect((await decided(run.order('announced-3', 'c-11', 'p-1'))).customer.name).toBe('New Name');
    expect(await askedFor('c-11')).toBe(1n);
    expect((await decided(run.order('announced-4', 'c-11', 'p-1'))).customer.name).toBe('New Name');
    expect(await askedFor('c-11')).toBe(1n);
  });

  test('is not undone by a slow response from before it, neither in the cache nor for orders after it', async () => {
    await using slow = await createProxy({ target: Number(new URL(run.stub.url).port) });
    slow.delay(6_000);
    await run.faults.setFault({
      fault: { method: 'BatchGetProducts', ids: ['p-99'], minLatency: durationFromMs(4_000) },
    });
    const asked = await askedFor('c-13');
    const before = run.order('racing-before', 'c-13', 'p-1');
    const after = run.order('racing-after', 'c-13', 'p-1');
    // Read together with the order before the change, and looked up after the change is known: after a whole batch.
    const batch = Array.from({ length: 50 }, (_, index) => run.order(`racing-${index}`, 'c-12', 'p-99'));
    await decided(run.order('racing-warm', 'c-12', 'p-1'));
    await run.worker.stop();
    await run.sendTo(0, [before]);
    await run.sendTo(1, [...batch, after]);
    try {
      await run.worker.start({
        CUSTOMER_API_URL: `http://127.0.0.1:${slow.port}`,
        ENRICHMENT_TRY_TIMEOUT: '10s',
        ENRICHMENT_DEADLINE: '20s',
      });
      await eventually(async () => expect(await askedFor('c-13')).toBe(asked + 1n));
      await untilMinimumVersion('c-13', await change('c-13', 'Changed Meanwhile'));

      // The old response is still in flight; from now on it must not be used.
      expect(await run.stores.document('racing-49')).toBeUndefined();
      expect((await enrichmentOf(before)).customer.name).not.toBe('Changed Meanwhile');
      expect((await enrichmentOf(after)).customer.name).toBe('Changed Meanwhile');
      await slow.heal();
      await run.faults.clearFaults({});
      for (const number of [1, 2, 3]) {
        const later = await decided(run.order(`racing-later-${number}`, 'c-13', 'p-1'));
        expect(later.customer.name).toBe('Changed Meanwhile');
      }
    } finally {
      await run.worker.stop();
      await run.worker.start();
    }
  });
});

describe.for([
  ['at once', async () => {}],
  ['also when the cache has been flushed', flush],
] as const)('a customer can order %s', ([when, prepare]) => {
  const name = when.replaceAll(' ', '-');

  test('who was created a moment ago, though an order was rejected for want of the customer', async () => {
    const customerId = `c-new-${name}`;
    const early = rejectedFor(run.order(`early-${name}`, customerId, 'p-1'), 'CUSTOMER_NOT_FOUND');
    await run.sendTo(0, [early]);
    await documentOf(run, early.orderId);
    const customer = create(CustomerSchema, {
      customerId,
      name: 'New',
      email: 'n@example.com',
      active: true,
    });
    await run.customers.createCustomer({ customer });
    await prepare();
    expect((await decided(run.order(`created-${name}`, customerId, 'p-1'))).customer.name).toBe('New');
  });

  test('who was re-activated a moment ago, though an order was rejected just before', async () => {
    const customerId = when === 'at once' ? 'c-50' : 'c-100';
    const early = rejectedFor(run.order(`inactive-${name}`, customerId, 'p-1'), 'CUSTOMER_INACTIVE');
    await run.sendTo(0, [early]);
    await documentOf(run, early.orderId);
    await change(customerId, 'Back Again');
    await prepare();
    expect((await decided(run.order(`active-${name}`, customerId, 'p-1'))).customer.name).toBe('Back Again');
  });
});

describe('cache entries older than an hour', () => {
  test('are used while the API is down, and the order says so', async () => {
    await decided(run.order('aging', 'c-21', 'p-21'));
    await grow('customer', 'c-21', 6 * day);
    await grow('product', 'product_id:p-21', 1.5 * hour);
    await run.stub.kill();
    try {
      const { customer, product } = await decided(run.order('stale', 'c-21', 'p-21'));
      expect([customer.stale, product?.stale]).toEqual([true, true]);
    } finally {
      await run.stub.start();
    }
    const { customer, product } = await decided(run.order('fresh-again', 'c-21', 'p-21'));
    expect([customer.stale, product?.stale]).toEqual([false, false]);
  });

  test.for([
    ['a customer seen 8 days ago', 'customer', 8 * day],
    ['a price seen 3 hours ago', 'product', 3 * hour],
  ] as const)('are not used if too old: %s is waited for', async ([, kind, age]) => {
    const [customerId, productId] = kind === 'customer' ? ['c-31', 'p-31'] : ['c-32', 'p-32'];
    await decided(run.order(`too-old-${kind}-1`, customerId, productId));
    await grow(kind, kind === 'customer' ? customerId : `product_id:${productId}`, age);
    await expectDecidedOnlyWithApi(run.order(`too-old-${kind}-2`, customerId, productId));
  });

  test('never reject: an order of a customer who was inactive waits for what the API says', async () => {
    const inactive = (id: string, customerId: string) =>
      rejectedFor(run.order(id, customerId, 'p-1'), 'CUSTOMER_INACTIVE');
    await decided(inactive('stale-inactive-1', 'c-150'));
    await grow('customer', 'c-150', 2 * hour);
    await expectDecidedOnlyWithApi(inactive('stale-inactive-2', 'c-150'));
  });
});

describe('while changes are not read', () => {
  beforeAll(async () => {
    await run.stub.stop();
    // Its events go to a topic without consumers.
    await run.stub.start({ TOPIC_PREFIX: `${run.env['TOPIC_PREFIX']}elsewhere_` });
  });
  afterAll(async () => {
    await run.stub.stop();
    await run.stub.start();
  });

  test('customers who were created or re-activated a moment ago can order all the same', async () => {
    await run.sendTo(0, [rejectedFor(run.order('late-1', 'c-200', 'p-1'), 'CUSTOMER_INACTIVE')]);
    await run.sendTo(0, [rejectedFor(run.order('late-2', 'c-late', 'p-1'), 'CUSTOMER_NOT_FOUND')]);
    await documentOf(run, 'late-2');
    await change('c-200', 'Back Again');
    const fields = { customerId: 'c-late', name: 'Late', email: 'l@example.com', active: true };
    await run.customers.createCustomer({ customer: create(CustomerSchema, fields) });
    expect((await decided(run.order('late-3', 'c-200', 'p-1'))).customer.name).toBe('Back Again');
    expect((await decided(run.order('late-4', 'c-late', 'p-1'))).customer.name).toBe('Late');
    expect(await redis.get(`${entryKey('customer', 'c-200')}:announced`)).toBeNull();
  });
});

/** Without the API the order waits, whatever the cache contains; with it, it is decided. */
async function expectDecidedOnlyWithApi(order: TestOrder): Promise<void> {
  await run.stub.kill();
  try {
    await run.sendTo(0, [order]);
    await eventually(async () => expect(await pausedPartitions(run.worker)).toBe(1));
    expect(await run.stores.query('select id from orders where id = $1', [order.orderId])).toEqual([]);
  } finally {
    await run.stub.start();
  }
  await documentOf(run, order.orderId);
}

async function flush(): Promise<void> {
  const keys = await redis.keys(`${run.env['TOPIC_PREFIX']}*`);
  if (keys.length > 0) await redis.del(...keys);
}

/** Makes a cache entry look as if it had been fetched that long ago. */
async function grow(kind: Kind, key: string, ageMs: number): Promise<void> {
  const entry = await redis.getBuffer(entryKey(kind, key));
  if (entry === null) throw new Error(`the cache has no entry of ${kind} ${key}`);
  // An entry begins with the times of its fetch and of the end of its freshness, as doubles.
  const fetchedAt = Date.now() - ageMs;
  entry.writeDoubleBE(fetchedAt, 0);
  entry.writeDoubleBE(fetchedAt + hour, 8);
  await redis.set(entryKey(kind, key), entry, 'KEEPTTL');
}
