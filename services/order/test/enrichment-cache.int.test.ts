import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type Client, createClient, createRouterTransport } from '@connectrpc/connect';
import {
  type Customer as CustomerMessage,
  CustomerSchema,
} from '@orderflow/contracts/orderflow/enrichment/v1/customer';
import { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { createProxy, eventually, testStack, uniqueName } from '@orderflow/testing';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { customerUpstream } from '../src/outbound/enrichment/enrichment-api.ts';
import { createCustomerCache, createEnrichmentCache } from '../src/outbound/enrichment/enrichment-cache.ts';
import { createRedis } from '../src/outbound/redis/redis.ts';
import { now as start } from './kit.ts';
import { silent } from './stack-kit.ts';

const staleness = { freshMs: 100_000, usableMs: 1_000_000 };
/** The cache asks the API nothing; it only needs to know how a customer is called and what a good one is. */
const noApi: Client<typeof CustomerService> = createClient(
  CustomerService,
  createRouterTransport(() => {}),
);

let redis: Redis;
beforeAll(async () => {
  redis = new Redis(testStack().urls.REDIS_URL);
});
afterAll(() => redis?.disconnect());

function message(change: MessageInitShape<typeof CustomerSchema> = {}): CustomerMessage {
  return create(CustomerSchema, { customerId: 'c-1', name: 'Ada', email: 'a@b.c', version: 3n, ...change });
}

/** A cache with keys and a clock of its own. */
function fixture(client = redis) {
  const prefix = `${uniqueName('cache')}.`;
  const clock = { now: start.getTime() };
  const reportedError: unknown[] = [];
  const cache = createEnrichmentCache(
    client,
    customerUpstream(noApi),
    CustomerSchema,
    { prefix, staleness },
    () => new Date(clock.now),
    (error) => reportedError.push(error),
  );
  const cacheEntries = createCustomerCache(client, prefix, staleness.usableMs);
  return {
    cache,
    clock,
    reportedError,
    key: `${prefix}enrichment:{customer:c-1}`,
    put: (...messages: CustomerMessage[]) =>
      cache.put(
        messages.map((one) => ({ key: one.customerId, message: one, fetchTime: new Date(clock.now) })),
      ),
    get: async (id = 'c-1') => (await cache.get([id])).get(id),
    announce: (version: bigint, customerId = 'c-1') => cacheEntries.invalidate([{ customerId, version }]),
  };
}

describe('a cache entry', () => {
  test('is what was put, with the time it was fetched, and expires with its use', async () => {
    const c = fixture();
    await c.put(message(), message({ customerId: 'c-2' }));
    const cacheEntries = await c.cache.get(['c-2', 'c-0', 'c-1']);
    expect([...cacheEntries.keys()]).toEqual(['c-2', 'c-1']);
    expect(cacheEntries.get('c-1')).toEqual({
      value: { customerId: 'c-1', name: 'Ada', email: 'a@b.c', active: false, version: 3n },
      fetchTime: start,
      fresh: true,
    });
    const ttl = await redis.pttl(c.key);
    expect(ttl).toBeGreaterThan(staleness.usableMs - 60_000);
    expect(ttl).toBeLessThanOrEqual(staleness.usableMs);
  });

  test('is the same object as long as it stays the same, and another as soon as it changes', async () => {
    const c = fixture();
    await c.put(message());
    const first = await c.get();
    const again = await c.get();
    expect(again?.value).toBe(first?.value);
    expect(again?.fetchTime).toBe(first?.fetchTime);
    await c.put(message({ name: 'Ada Almeida', version: 4n }));
    expect((await c.get())?.value).toMatchObject({ name: 'Ada Almeida', version: 4n });
    await redis.del(c.key);
    expect(await c.get()).toBeUndefined();
  });

  test('is fresh for nine tenths of the time at least and the whole of it at most, then only usable', async () => {
    const c = fixture();
    await c.put(message());
    const after = async (ms: number) => {
      c.clock.now = start.getTime() + ms;
      return (await c.get())?.fresh;
    };
    expect(await after(89_999)).toBe(true);
    expect(await after(100_000)).toBe(false);
    expect(await after(999_999)).toBe(false);
    expect(await after(1_000_000)).toBeUndefined();
  });

  test('without a version is fresh for a minute at most', async () => {
    const c = fixture();
    await c.put(message({ version: 0n }));
    c.clock.now += 53_999;
    expect((await c.get())?.fresh).toBe(true);
    c.clock.now += 6_001;
    expect((await c.get())?.fresh).toBe(false);
  });

  test('is not fetched together and missed together: the ends of freshness differ', async () => {
    const c = fixture();
    const ids = Array.from({ length: 50 }, (_, index) => `c-${index}`);
    await c.put(...ids.map((customerId) => message({ customerId })));
    c.clock.now += 95_000;
    const fresh = [...(await c.cache.get(ids)).values()].filter((cacheEntry) => cacheEntry.fresh);
    expect(fresh.length).toBeGreaterThan(0);
    expect(fresh.length).toBeLessThan(50);
  });
});

test.each([
  ['empty', Buffer.alloc(0)],
  ['too short', Buffer.alloc(15)],
  ['text', Buffer.from('{"customerId":"c-1","name":"Mallory"}')],
  ['all zero', Buffer.alloc(64)],
  ['of NaN time', Buffer.alloc(64, 0xff)],
])('an entry that is %s is no cache entry, and the next refill repairs it', async (_, garbage) => {
  const c = fixture();
  await redis.set(c.key, garbage);
  expect(await c.get()).toBeUndefined();
  await c.put(message());
  expect(await c.get()).toMatchObject({ value: { name: 'Ada' } });
});

test('entries of the versions before and after are read: without fields, and with others', async () => {
  const c = fixture();
  const value = { customerId: 'c-1', name: 'Ada', email: '', active: false, version: 3n };
  await c.put(message({ email: '', address: '1 Mill Lane' }));
  expect(await c.get()).toMatchObject({ value });
  expect((await c.get())?.value).not.toHaveProperty('address');
  const entry = await redis.getBuffer(c.key);
  // Field 100, the text "new".
  await redis.set(c.key, Buffer.concat([entry ?? Buffer.alloc(0), Buffer.from('a206036e6577', 'hex')]));
  expect(await c.get()).toMatchObject({ value });
  expect(c.reportedError).toEqual([]);
});

test('an entry of another customer, or from the future, is no cache entry', async () => {
  const c = fixture();
  await c.put(message({ customerId: 'c-2' }));
  await redis.copy(c.key.replace('c-1', 'c-2'), c.key);
  expect(await c.get('c-2')).toBeDefined();
  expect(await c.get()).toBeUndefined();
  expect(c.reportedError).toHaveLength(1);
  c.clock.now -= staleness.freshMs + 1;
  expect(await c.get('c-2')).toBeUndefined();
});

describe('a minimum version', () => {
  test('drops the cache entry and refuses older refills: a slow reader cannot put the old value back', async () => {
    const c = fixture();
    await c.put(message({ version: 3n }));
    await c.announce(4n);
    expect(await c.get()).toBeUndefined();
    const refused = await c.put(message({ version: 3n, name: 'old' }), message({ customerId: 'c-2' }));
    expect(refused).toEqual(new Set(['c-1']));
    expect(await c.get()).toBeUndefined();
    expect(await c.put(message({ version: 4n, name: 'new' }))).toEqual(new Set());
    expect(await c.get()).toMatchObject({ value: { name: 'new' } });
    await c.put(message({ version: 5n, name: 'newer' }));
    expect(await c.get()).toMatchObject({ value: { name: 'newer' } });
  });

  test('that was known, or is older than one that was, changes nothing', async () => {
    const c = fixture();
    await c.announce(5n);
    await c.put(message({ version: 5n }));
    await c.announce(5n);
    await c.announce(2n);
    expect(await c.get()).toBeDefined();
    await c.put(message({ version: 4n, name: 'old' }));
    expect(await c.get()).toMatchObject({ value: { version: 5n } });
  });

  test('is remembered for longer than any cache entry can live, and says nothing about other customers', async () => {
    const c = fixture();
    await c.put(message({ customerId: 'c-2' }));
    await c.announce(9n);
    expect(await redis.pttl(`${c.key}:announced`)).toBeGreaterThan(staleness.usableMs);
    expect(await c.get('c-2')).toBeDefined();
  });

  test('accepts the entries of an unversioned API', async () => {
    const c = fixture();
    await c.announce(9n);
    await c.put(message({ version: 0n }));
    expect(await c.get()).toBeDefined();
  });
});

test.each([
  ['is a list', (marker: string) => redis.rpush(marker, 'x')],
  ['is a hash', (marker: string) => redis.hset(marker, 'version', '9')],
  ['holds no number', (marker: string) => redis.set(marker, 'nine')],
])('a minimum version that %s rejects no cache entry, and the next update repairs it', async (_, spoil) => {
  const c = fixture();
  await spoil(`${c.key}:announced`);
  await c.put(message({ version: 3n }));
  expect(await c.get()).toBeDefined();
  await c.announce(4n);
  expect(await c.get()).toBeUndefined();
  expect(await c.put(message({ version: 3n }))).toEqual(new Set(['c-1']));
  expect(c.reportedError).toEqual([]);
});

test('without Redis there are no cache entries and no errors; with it they are back', async () => {
  const url = new URL(testStack().urls.REDIS_URL);
  await using proxy = await createProxy({ target: Number(url.port) });
  url.host = `127.0.0.1:${proxy.port}`;
  const { redis: behindProxy, component } = createRedis(url.href, silent);
  await component.start();
  try {
    const c = fixture(behindProxy);
    await c.put(message());
    expect(await c.get()).toBeDefined();

    await proxy.refuse();
    await eventually(() => behindProxy.status !== 'ready');
    expect(await c.get()).toBeUndefined();
    await c.put(message({ version: 4n }));
    expect(c.reportedError.length).toBeGreaterThanOrEqual(1);
    await expect(c.announce(4n)).rejects.toThrow();

    await proxy.heal();
    await eventually(async () => expect(await c.get()).toMatchObject({ value: { version: 3n } }));

    proxy.freeze();
    expect(await c.get()).toBeUndefined();
    await proxy.heal();
    await eventually(async () => (await c.get()) !== undefined);
  } finally {
    await component.stop();
  }
});
