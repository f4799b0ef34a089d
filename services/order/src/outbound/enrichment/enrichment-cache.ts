import { fromBinary, type Message, toBinary } from '@bufbuild/protobuf';
import type { GenMessage } from '@bufbuild/protobuf/codegenv2';
import type { Redis } from 'ioredis';
import type { CustomerCache } from '../../ports.ts';
import type { Upstream } from './enrichment-api.ts';

/** A cached value of the enrichment API. */
export interface CacheEntry<T> {
  readonly value: T;
  readonly fetchTime: Date;
  /** Fresh enough to be used while the API is available; otherwise it is used only when the API is not. */
  readonly fresh: boolean;
}

/** A message to cache. */
export interface Fetched<K, M> {
  readonly key: K;
  readonly message: M;
  readonly fetchTime: Date;
}

/** The cache of one kind of entity. Never throws: without Redis it is empty. */
export interface EnrichmentCache<K, M, T> {
  /** Returns the existing entries, by `keyOf`. */
  get(keys: readonly K[]): Promise<Map<string, CacheEntry<T>>>;
  /** Returns the keys it did not store, by `keyOf`, because a newer minimum version was set meanwhile. */
  put(fetched: readonly Fetched<K, M>[]): Promise<Set<string>>;
}

/** How long entries may be used, in milliseconds. */
export interface Staleness {
  /** Up to this age an entry is used without calling the API. */
  readonly freshMs: number;
  /** Up to this age an entry is used when the API is unavailable. */
  readonly usableMs: number;
}

/** Entries of an unversioned API cannot be invalidated, so they are fresh only this long. */
const unversionedFreshMs = 60_000;

/** An entry is two big-endian doubles, fetch time and end of freshness in ms since 1970, then the message. */
const headerBytes = 16;

/** Reads the minimum version of an entity. A value that is not a number, or not a string, is ignored. */
const readMinimumVersion = `
local stored = redis.pcall('GET', KEYS[2])
local minimum = type(stored) == 'string' and tonumber(stored)`;

/**
 * Stores an entry unless it is older than the minimum version: KEYS entry, minimum version; ARGV version, entry, TTL in
 * ms. One script, so that a slow reader cannot write between the check and the write.
 */
const putUnlessOutdated = `${readMinimumVersion}
if minimum and tonumber(ARGV[1]) > 0 and minimum > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`;

/** Raises the minimum version and deletes the entry: KEYS entry, minimum version; ARGV version, its TTL in ms. */
const raiseMinimumVersion = `${readMinimumVersion}
if minimum and minimum >= tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
redis.call('DEL', KEYS[1])
return 1`;

function keysOf(prefix: string, kind: string, key: string): [entry: string, marker: string] {
  // The braces keep both on one node of a Redis cluster.
  const entry = `${prefix}enrichment:{${kind}:${key}}`;
  return [entry, `${entry}:announced`];
}

/** At most this many entries are memoized; beyond it all are dropped. */
const maxMemoizedEntries = 20_000;

/**
 * Decodes each entry once for as long as it does not change, which is most of an hour. The decoded value is the same
 * object each time, so that values derived from it can be memoized too.
 */
function createEntryReader<K, R>(
  decode: (key: K, entry: Buffer) => R,
): (key: K, id: string, entry: Buffer) => R {
  const known = new Map<string, { readonly entry: Buffer; readonly read: R }>();
  return (key, id, entry) => {
    const before = known.get(id);
    if (before?.entry.equals(entry)) return before.read;
    const read = decode(key, entry);
    if (known.size >= maxMemoizedEntries) known.clear();
    // Copied, because the entry is a view of a much larger buffer of the connection.
    known.set(id, { entry: Buffer.from(entry), read });
    return read;
  };
}

/** Creates a cache of one kind of entity in Redis. `onError` is called with every error. */
export function createEnrichmentCache<K, M extends Message & { readonly version: bigint }, T>(
  redis: Redis,
  upstream: Upstream<K, M, T>,
  schema: GenMessage<M>,
  options: { readonly prefix: string; readonly staleness: Staleness },
  now: () => Date,
  onError: (error: unknown) => void,
): EnrichmentCache<K, M, T> {
  const { prefix, staleness } = options;

  const read = createEntryReader((key: K, entry) => ({
    value: upstream.toValue(key, fromBinary(schema, entry.subarray(headerBytes)) as M),
    fetchTime: new Date(entry.readDoubleBE(0)),
    freshUntil: entry.readDoubleBE(8),
  }));

  function decodeEntry(key: K, entry: Buffer): CacheEntry<T> | undefined {
    try {
      const time = now().getTime();
      const age = time - entry.readDoubleBE(0);
      if (!(age >= -staleness.freshMs && age < staleness.usableMs)) return undefined;
      const { value, fetchTime, freshUntil } = read(key, upstream.keyOf(key), entry);
      return { value, fetchTime, fresh: time < freshUntil };
    } catch (error) {
      // Not written by us: ignored, and overwritten by the next refill.
      onError(error);
      return undefined;
    }
  }

  return {
    async get(keys) {
      if (keys.length === 0) return new Map();
      try {
        const entries = await redis.mgetBuffer(
          keys.map((key) => keysOf(prefix, upstream.kind, upstream.keyOf(key))[0]),
        );
        const cacheEntries = new Map<string, CacheEntry<T>>();
        for (const [index, key] of keys.entries()) {
          const entry = entries[index];
          const cacheEntry = entry ? decodeEntry(key, entry) : undefined;
          if (cacheEntry !== undefined) cacheEntries.set(upstream.keyOf(key), cacheEntry);
        }
        return cacheEntries;
      } catch (error) {
        onError(error);
        return new Map();
      }
    },

    async put(fetched) {
      const outdated = new Set<string>();
      if (fetched.length === 0) return outdated;
      const pipeline = redis.pipeline();
      for (const { key, message, fetchTime } of fetched) {
        const header = Buffer.alloc(headerBytes);
        const freshMs =
          message.version === 0n ? Math.min(unversionedFreshMs, staleness.freshMs) : staleness.freshMs;
        header.writeDoubleBE(fetchTime.getTime(), 0);
        // Jitter, so that entries fetched together do not expire together.
        header.writeDoubleBE(fetchTime.getTime() + freshMs * (0.9 + Math.random() * 0.1), 8);
        const entry = Buffer.concat([header, toBinary(schema, message)]);
        const keys = keysOf(prefix, upstream.kind, upstream.keyOf(key));
        pipeline.eval(putUnlessOutdated, 2, ...keys, String(message.version), entry, staleness.usableMs);
      }
      try {
        const results = (await pipeline.exec()) ?? [];
        for (const [index, { key }] of fetched.entries()) {
          if (results[index]?.[1] === 0) outdated.add(upstream.keyOf(key));
        }
      } catch (error) {
        onError(error);
      }
      return outdated;
    },
  };
}

/** Sets minimum versions of customers, so that older entries are neither used nor written by a slow reader. */
export function createCustomerCache(redis: Redis, prefix: string, usableMs: number): CustomerCache {
  return {
    async invalidate(updates) {
      const pipeline = redis.pipeline();
      for (const { customerId, version } of updates) {
        const keys = keysOf(prefix, 'customer', customerId);
        // The minimum version outlives every entry that it could apply to.
        pipeline.eval(raiseMinimumVersion, 2, ...keys, String(version), 2 * usableMs);
      }
      const results = await pipeline.exec();
      const failure = results?.find(([error]) => error !== null)?.[0];
      if (failure) throw failure;
    },
  };
}
