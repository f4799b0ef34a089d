import { describe, expect, test, vi } from 'vitest';
import {
  type Upstream,
  UpstreamResponseError,
  UpstreamUnavailableError,
} from '../src/outbound/enrichment/enrichment-api.ts';
import type { CacheEntry, EnrichmentCache, Fetched } from '../src/outbound/enrichment/enrichment-cache.ts';
import { createKindLookup } from '../src/outbound/enrichment/lookup.ts';
import { now } from './kit.ts';

/** An API of things whose value is their id in capitals, and a cache; `say` changes what it returns. */
function api() {
  const calls: string[][] = [];
  const cached = new Map<string, CacheEntry<string>>();
  const put: Fetched<string, string>[] = [];
  const counted: string[] = [];
  const wrong = new Set<string>();
  const missing = new Set<string>();
  const outdated = new Set<string>();
  const state = { down: false, gate: Promise.resolve() };
  const upstream: Upstream<string, string, string> = {
    kind: 'customer',
    keyOf: (key) => key,
    async fetch(keys) {
      calls.push([...keys]);
      const gone = new Set(missing);
      await state.gate;
      if (state.down) throw new UpstreamUnavailableError('down');
      return new Map(keys.map((key) => [key, gone.has(key) ? undefined : key.toUpperCase()]));
    },
    toValue(key, message) {
      if (wrong.has(key)) throw new UpstreamResponseError(`${key} is answered wrongly`);
      return message;
    },
  };
  const cache: EnrichmentCache<string, string, string> = {
    get: async (keys) => new Map([...cached].filter(([key]) => keys.includes(key))),
    async put(fetched) {
      put.push(...fetched);
      const refused = new Set(outdated);
      outdated.clear();
      return refused;
    },
  };
  const lookup = createKindLookup(
    upstream,
    cache,
    {
      cache: (kind, result, count) => counted.push(`${kind} ${result} ${count}`),
      upstream: (kind, outcome) => counted.push(`${kind} ${outcome}`),
    },
    () => now,
  );
  const lookUp = (keys: string[], fresh = false) => lookup.lookUp(keys, { fresh });
  return { lookUp, calls, cached, put, counted, wrong, missing, outdated, state };
}

const cacheEntry = (value: string, fresh: boolean): CacheEntry<string> => ({
  value,
  fetchTime: new Date(0),
  fresh,
});
const read = (value: string) => ({
  status: 'found',
  value,
  freshness: { fetchTime: now, stale: false },
  confirmed: true,
});
const fromCopy = (value: string, stale: boolean) => ({
  status: 'found',
  value,
  freshness: { fetchTime: new Date(0), stale },
  confirmed: false,
});
const keys = (count: number) => Array.from({ length: count }, (_, index) => `k${index}`);
const entries = async (responses: Promise<Map<string, unknown>>) => Object.fromEntries(await responses);

describe('cache entries', () => {
  test('that are fresh are used, the rest is read and kept', async () => {
    const a = api();
    a.cached.set('a', cacheEntry('old A', true)).set('b', cacheEntry('old B', false));
    a.missing.add('c');
    expect(await entries(a.lookUp(['a', 'b', 'c']))).toEqual({
      a: fromCopy('old A', false),
      b: read('B'),
      c: { status: 'not_found' },
    });
    expect(a.calls).toEqual([['b', 'c']]);
    expect(a.put).toEqual([expect.objectContaining({ key: 'b', message: 'B', fetchTime: now })]);
    expect(a.counted).toEqual(['customer hit 1', 'customer miss 2', 'customer ok']);
  });

  test('are all that is needed when they are fresh', async () => {
    const a = api();
    a.cached.set('a', cacheEntry('A', true));
    await a.lookUp(['a']);
    await a.lookUp([]);
    expect(a.calls).toEqual([]);
  });

  test('that are stale are used when the API is down; without one the response is unavailable', async () => {
    const a = api();
    a.state.down = true;
    a.cached.set('a', cacheEntry('old A', false));
    expect(await entries(a.lookUp(['a', 'b']))).toEqual({
      a: fromCopy('old A', true),
      b: { status: 'unavailable', cause: 'down' },
    });
  });

  test('that are stale are not used against what the API says', async () => {
    const a = api();
    a.cached.set('a', cacheEntry('old A', false)).set('b', cacheEntry('old B', false));
    a.missing.add('a');
    a.wrong.add('b');
    const responses = await entries(a.lookUp(['a', 'b', 'c']));
    expect(responses).toMatchObject({ a: { status: 'not_found' }, b: { status: 'invalid' } });
  });

  test('are not used when a fresh response is required', async () => {
    const a = api();
    a.cached.set('a', cacheEntry('old A', true));
    expect(await entries(a.lookUp(['a'], true))).toEqual({ a: read('A') });
    a.state.down = true;
    expect(await entries(a.lookUp(['a'], true))).toEqual({ a: { status: 'unavailable', cause: 'down' } });
  });
});

describe('calls', () => {
  test('ask for 200 keys at most', async () => {
    const a = api();
    const responses = await a.lookUp(keys(450));
    expect(responses.size).toBe(450);
    expect(a.calls.map((call) => call.length)).toEqual([200, 200, 50]);
    expect(a.calls.flat()).toEqual(keys(450));
  });

  test('in flight are shared; what another call found counts as a cache entry', async () => {
    const a = api();
    const { promise, resolve } = Promise.withResolvers<void>();
    a.state.gate = promise;
    const first = a.lookUp(['a', 'b']);
    const second = a.lookUp(['b', 'c']);
    resolve();
    expect(await entries(first)).toEqual({ a: read('A'), b: read('B') });
    expect(await entries(second)).toEqual({ b: { ...read('B'), confirmed: false }, c: read('C') });
    expect(a.calls).toEqual([['a', 'b'], ['c']]);
    await a.lookUp(['b']);
    expect(a.calls).toHaveLength(3);
  });

  test('in flight that return "not found" are repeated: that response may be older than the question', async () => {
    const a = api();
    a.missing.add('b');
    const { promise, resolve } = Promise.withResolvers<void>();
    a.state.gate = promise;
    const first = a.lookUp(['b']);
    const second = a.lookUp(['b']);
    await vi.waitFor(() => expect(a.calls).toHaveLength(1));
    a.missing.delete('b');
    resolve();
    expect(await entries(first)).toEqual({ b: { status: 'not_found' } });
    expect(await entries(second)).toEqual({ b: read('B') });
    expect(a.calls).toEqual([['b'], ['b']]);
  });

  test('in flight that are overtaken by a newer version are repeated by those who came later', async () => {
    const a = api();
    const { promise, resolve } = Promise.withResolvers<void>();
    a.state.gate = promise;
    const first = a.lookUp(['a', 'b']);
    const second = a.lookUp(['a', 'b']);
    a.outdated.add('a');
    resolve();
    const found = { a: read('A'), b: { ...read('B'), confirmed: false } };
    expect(await entries(second)).toEqual(found);
    expect(await entries(first)).toEqual({ a: read('A'), b: read('B') });
    expect(a.calls).toEqual([['a', 'b'], ['a']]);
  });

  test('in flight do not do for a fresh response', async () => {
    const a = api();
    const { promise, resolve } = Promise.withResolvers<void>();
    a.state.gate = promise;
    const any = a.lookUp(['a']);
    await vi.waitFor(() => expect(a.calls).toHaveLength(1));
    const fresh = a.lookUp(['a'], true);
    await vi.waitFor(() => expect(a.calls).toHaveLength(2));
    resolve();
    expect(await Promise.all([any, fresh].map(entries))).toEqual([{ a: read('A') }, { a: read('A') }]);
    expect(a.calls).toEqual([['a'], ['a']]);
  });

  test('that fail unexpectedly fail the lookups that share them, and are forgotten', async () => {
    const a = api();
    a.state.gate = Promise.reject(new TypeError('a bug'));
    const both = await Promise.allSettled([a.lookUp(['a']), a.lookUp(['a', 'b'])]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    a.state.gate = Promise.resolve();
    expect(await entries(a.lookUp(['a']))).toEqual({ a: read('A') });
  });
});

describe('wrong responses', () => {
  test('are traced to their keys by bisection, and all others are returned', async () => {
    const a = api();
    a.wrong.add('k17').add('k150');
    const responses = await a.lookUp(keys(200));
    const invalid = [...responses].filter(([, { status }]) => status === 'invalid').map(([key]) => key);
    expect(invalid).toEqual(['k17', 'k150']);
    expect(responses.get('k17')).toEqual({ status: 'invalid', cause: 'k17 is answered wrongly' });
    expect(a.calls.length).toBeLessThan(40);
    expect(a.put).toHaveLength(198);
  });

  test('to everything mean that the API is ill: nothing is held against a key', async () => {
    const a = api();
    for (const key of keys(3)) a.wrong.add(key);
    const responses = await a.lookUp(keys(3));
    expect([...responses.values()].map(({ status }) => status)).toEqual(Array(3).fill('unavailable'));
  });

  test('for a single key count against it while a known good key still gets a valid response', async () => {
    const a = api();
    a.wrong.add('bad');
    expect((await a.lookUp(['bad'])).get('bad')?.status).toBe('unavailable');
    await a.lookUp(['good']);
    expect((await a.lookUp(['bad'])).get('bad')?.status).toBe('invalid');
    expect(a.calls.at(-1)).toEqual(['good']);
    a.wrong.add('good');
    expect((await a.lookUp(['bad'])).get('bad')?.status).toBe('unavailable');
  });

  test('to a lone key are held against it right after a start, when its neighbours are all in the cache', async () => {
    const a = api();
    a.wrong.add('bad');
    a.cached.set('good', cacheEntry('GOOD', true));
    expect((await a.lookUp(['bad', 'good'])).get('bad')?.status).toBe('invalid');
  });

  test('to a lone key are not held against it when the API goes down meanwhile', async () => {
    const a = api();
    await a.lookUp(['good']);
    a.wrong.add('bad');
    const { promise, resolve } = Promise.withResolvers<void>();
    const response = a.lookUp(['bad']);
    a.state.gate = promise;
    a.state.down = true;
    resolve();
    expect((await response).get('bad')?.status).toBe('unavailable');
  });
});
