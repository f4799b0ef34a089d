import { fromBinary, type Message, toBinary } from '@bufbuild/protobuf';
import type { GenMessage } from '@bufbuild/protobuf/codegenv2';
import type { Redis } from 'ioredis';
import type { CustomerCopies } from '../../ports.ts';
import type { Upstream } from './enrichment-api.ts';

/** A copy of something the enrichment API said. */
export interface CachedCopy<T> {
  readonly value: T;
  readonly fetchTime: Date;
  /** Fresh enough to be used while the API can be asked; else it is only for when it can't. */
  readonly fresh: boolean;
}

/** Something to keep a copy of. */
export interface Fetched<K, M> {
  readonly key: K;
  readonly message: M;
  readonly fetchTime: Date;
}

/** Copies of one kind. Nothing here throws: without Redis there are no copies, and that is all. */
export interface EnrichmentCache<K, M, T> {
  /** Answers the copies there are, by `keyOf`. */
  get(keys: readonly K[]): Promise<Map<string, CachedCopy<T>>>;
  /** Answers what it did not keep, by `keyOf`, because a newer version was announced meanwhile. */
  put(fetched: readonly Fetched<K, M>[]): Promise<Set<string>>;
}

/** How long copies are good for, in milliseconds. */
export interface Staleness {
  /** Up to this age a copy is used without asking. */
  readonly freshMs: number;
  /** Up to this age a copy is used when the API can't be asked. */
  readonly usableMs: number;
}

/** A copy of an API that keeps no versions can't be called out of date, so it is trusted only this long. */
const unversionedFreshMs = 60_000;

/** An entry is two big-endian doubles, fetch time and end of freshness in ms since 1970, then the message. */
const headerBytes = 16;

/** The version in the marker. One that holds no number, or is no string at all, is not ours and counts as none. */
const readAnnounced = `
local marker = redis.pcall('GET', KEYS[2])
local announced = type(marker) == 'string' and tonumber(marker)`;

/**
 * Puts an entry unless a newer version was announced: KEYS entry, marker; ARGV version, entry, TTL in ms.
 * In one script, so that a slow reader can't come between the look and the write.
 */
const putUnlessOutdated = `${readAnnounced}
if announced and tonumber(ARGV[1]) > 0 and announced > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`;

/** Announces a version and drops the entry: KEYS entry, marker; ARGV version, TTL of the marker in ms. */
const announceVersion = `${readAnnounced}
if announced and announced >= tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
redis.call('DEL', KEYS[1])
return 1`;

function keysOf(prefix: string, kind: string, key: string): [entry: string, marker: string] {
  // The braces keep both on one node of a Redis cluster.
  const entry = `${prefix}enrichment:{${kind}:${key}}`;
  return [entry, `${entry}:announced`];
}

/** More entries than this are not remembered: all are forgotten, and remembered anew. */
const rememberedEntries = 20_000;

/**
 * Reads each entry once for as long as it stays the same, which is most of an hour. What was read is the same object
 * every time, so that others can remember what they made of it.
 */
function createEntryReader<K, R>(
  decode: (key: K, entry: Buffer) => R,
): (key: K, id: string, entry: Buffer) => R {
  const known = new Map<string, { readonly entry: Buffer; readonly read: R }>();
  return (key, id, entry) => {
    const before = known.get(id);
    if (before?.entry.equals(entry)) return before.read;
    const read = decode(key, entry);
    if (known.size >= rememberedEntries) known.clear();
    // A copy: the entry is a window on a much larger buffer of the connection.
    known.set(id, { entry: Buffer.from(entry), read });
    return read;
  };
}

/** Keeps copies of one kind in Redis. `onTrouble` hears of everything that goes wrong with it. */
export function createEnrichmentCache<K, M extends Message & { readonly version: bigint }, T>(
  redis: Redis,
  upstream: Upstream<K, M, T>,
  schema: GenMessage<M>,
  options: { readonly prefix: string; readonly staleness: Staleness },
  now: () => Date,
  onTrouble: (error: unknown) => void,
): EnrichmentCache<K, M, T> {
  const { prefix, staleness } = options;

  const read = createEntryReader((key: K, entry) => ({
    value: upstream.toValue(key, fromBinary(schema, entry.subarray(headerBytes)) as M),
    fetchTime: new Date(entry.readDoubleBE(0)),
    freshUntil: entry.readDoubleBE(8),
  }));

  function copyIn(key: K, entry: Buffer): CachedCopy<T> | undefined {
    try {
      const time = now().getTime();
      const age = time - entry.readDoubleBE(0);
      if (!(age >= -staleness.freshMs && age < staleness.usableMs)) return undefined;
      const { value, fetchTime, freshUntil } = read(key, upstream.keyOf(key), entry);
      return { value, fetchTime, fresh: time < freshUntil };
    } catch (error) {
      // Not what we wrote: as good as nothing, and overwritten by the next refill.
      onTrouble(error);
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
        const copies = new Map<string, CachedCopy<T>>();
        for (const [index, key] of keys.entries()) {
          const entry = entries[index];
          const copy = entry ? copyIn(key, entry) : undefined;
          if (copy !== undefined) copies.set(upstream.keyOf(key), copy);
        }
        return copies;
      } catch (error) {
        onTrouble(error);
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
        // Jitter, so that what was fetched together is not missed together.
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
        onTrouble(error);
      }
      return outdated;
    },
  };
}

/** Announces versions of customers, so that older copies are neither used nor put back by a slow reader. */
export function createCustomerCopies(redis: Redis, prefix: string, usableMs: number): CustomerCopies {
  return {
    async outdate(updates) {
      const pipeline = redis.pipeline();
      for (const { customerId, version } of updates) {
        const keys = keysOf(prefix, 'customer', customerId);
        // The marker outlives every copy that it could be needed against.
        pipeline.eval(announceVersion, 2, ...keys, String(version), 2 * usableMs);
      }
      const results = await pipeline.exec();
      const failure = results?.find(([error]) => error !== null)?.[0];
      if (failure) throw failure;
    },
  };
}
