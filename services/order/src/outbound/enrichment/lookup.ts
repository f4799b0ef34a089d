import type { Lookup } from '../../domain/enrichment.ts';
import { type Upstream, UpstreamResponseError, UpstreamUnavailableError } from './enrichment-api.ts';
import type { CacheEntry, EnrichmentCache } from './enrichment-cache.ts';

/** The maximum number of keys in one call of the enrichment API. */
const chunkSize = 200;

/** The result of fetching one key from the API. */
type FetchResult<Message, T> =
  | {
      readonly status: 'found';
      readonly message: Message;
      readonly value: T;
      readonly fetchTime: Date;
      /** A newer minimum version was set while this was being fetched. */
      readonly outdated?: true;
    }
  | { readonly status: 'not_found' }
  | { readonly status: 'unavailable'; readonly cause: string }
  | { readonly status: 'invalid'; readonly cause: string };

/** Counts lookups and calls for the metrics. */
export interface LookupCounts {
  cache(kind: string, result: 'hit' | 'miss' | 'stale', count: number): void;
  upstream(kind: string, outcome: 'ok' | 'unavailable' | 'invalid_response'): void;
}

/** Looks up many keys of one kind: in the cache where its entries are fresh, otherwise in the API. */
export interface KindLookup<K, T> {
  lookUp(keys: readonly K[], options: { fresh: boolean }): Promise<Map<string, Lookup<T>>>;
}

/**
 * Creates the lookup of one kind: cache entries first; one API call per 200 missing keys; calls in flight in this
 * process are shared. Never throws for errors of the cache or the API: the result of each key contains them.
 */
export function createKindLookup<K, Message, T>(
  upstream: Upstream<K, Message, T>,
  cache: EnrichmentCache<K, Message, T>,
  counts: LookupCounts,
  now: () => Date,
): KindLookup<K, T> {
  const inFlight = new Map<string, Promise<FetchResult<Message, T>>>();
  let lastValidKey: K | undefined;

  const allAre = (keys: readonly K[], fetchResult: FetchResult<Message, T>) =>
    new Map(keys.map((key) => [upstream.keyOf(key), fetchResult]));

  /** Fetches one chunk. After an invalid response the chunk is halved until the invalid keys are found. */
  async function fetchChunk(keys: readonly K[]): Promise<Map<string, FetchResult<Message, T>>> {
    try {
      const fetchTime = now();
      const messages = await upstream.fetch(keys);
      const fetchResults = new Map<string, FetchResult<Message, T>>();
      for (const key of keys) {
        const message = messages.get(upstream.keyOf(key));
        fetchResults.set(
          upstream.keyOf(key),
          message === undefined
            ? { status: 'not_found' }
            : { status: 'found', message, value: upstream.toValue(key, message), fetchTime },
        );
      }
      counts.upstream(upstream.kind, 'ok');
      lastValidKey = keys[0];
      return fetchResults;
    } catch (error) {
      if (error instanceof UpstreamUnavailableError) {
        counts.upstream(upstream.kind, 'unavailable');
        return allAre(keys, { status: 'unavailable', cause: error.message });
      }
      if (!(error instanceof UpstreamResponseError)) throw error;
      counts.upstream(upstream.kind, 'invalid_response');
      if (keys.length === 1) return allAre(keys, { status: 'invalid', cause: error.message });
      const middle = keys.length >> 1;
      const first = await fetchChunk(keys.slice(0, middle));
      return new Map([...first, ...(await fetchChunk(keys.slice(middle)))]);
    }
  }

  /**
   * Blames a key for an invalid response only while responses for other keys are valid; otherwise the API is at fault.
   */
  async function fetchAndClassify(keys: readonly K[]): Promise<Map<string, FetchResult<Message, T>>> {
    const good = lastValidKey;
    const fetchResults = await fetchChunk(keys);
    const invalid = [...fetchResults].filter(([, fetchResult]) => fetchResult.status === 'invalid');
    if (invalid.length === 0 || invalid.length < fetchResults.size) return fetchResults;
    const isHealthy = good !== undefined && isDefinite(await fetchChunk([good]), upstream.keyOf(good));
    if (isHealthy) return fetchResults;
    return new Map(
      invalid.map(([key, fetchResult]) => [
        key,
        { status: 'unavailable', cause: 'cause' in fetchResult ? fetchResult.cause : 'no valid response' },
      ]),
    );
  }

  /** Fetches keys from the API and caches what was found. */
  function read(keys: readonly K[]): Promise<FetchResult<Message, T>>[] {
    const chunks = Array.from({ length: Math.ceil(keys.length / chunkSize) }, (_, index) =>
      keys.slice(index * chunkSize, (index + 1) * chunkSize),
    );
    return chunks.flatMap((chunk) => {
      const reading = fetchAndClassify(chunk).then(async (fetchResults) => {
        const outdated = await cache.put(
          chunk.flatMap((key) => {
            const fetchResult = fetchResults.get(upstream.keyOf(key));
            return fetchResult?.status === 'found' ? [{ key, ...fetchResult }] : [];
          }),
        );
        for (const id of outdated) {
          const fetchResult = fetchResults.get(id);
          if (fetchResult?.status === 'found') fetchResults.set(id, { ...fetchResult, outdated: true });
        }
        return fetchResults;
      });
      return chunk.map((key) => {
        const id = upstream.keyOf(key);
        const fetchResult = reading.then((fetchResults): FetchResult<Message, T> => {
          return fetchResults.get(id) ?? { status: 'unavailable', cause: `${id} is missing in the response` };
        });
        inFlight.set(id, fetchResult);
        const forget = () => {
          if (inFlight.get(id) === fetchResult) inFlight.delete(id);
        };
        fetchResult.then(forget, forget);
        return fetchResult;
      });
    });
  }

  async function readAll(keys: readonly K[]): Promise<Map<string, FetchResult<Message, T>>> {
    const fetchResults = await Promise.all(read(keys));
    return new Map(
      keys.map((key, index) => [upstream.keyOf(key), fetchResults[index] as FetchResult<Message, T>]),
    );
  }

  async function fetched(
    keys: readonly K[],
    cacheEntries: ReadonlyMap<string, CacheEntry<T>>,
    fresh: boolean,
  ) {
    const shared = fresh ? [] : keys.filter((key) => inFlight.has(upstream.keyOf(key)));
    const own = keys.filter((key) => !shared.includes(key));
    const sharing = shared.map(async (key) => [key, await inFlight.get(upstream.keyOf(key))] as const);
    const [fetchResults, sharedResults] = await Promise.all([readAll(own), Promise.all(sharing)]);
    const results = new Map<string, Lookup<T>>();
    for (const key of own) {
      const id = upstream.keyOf(key);
      results.set(id, toLookup(fetchResults.get(id), cacheEntries.get(id), true));
    }
    // The call of another batch began before this one: what it found may be used like a cache entry. A key that it did
    // not find is fetched again, and so is one whose entry has been invalidated since: that may have been before this
    // lookup.
    const refetch: K[] = [];
    for (const [key, fetchResult] of sharedResults) {
      const id = upstream.keyOf(key);
      const isUsable =
        fetchResult !== undefined && fetchResult.status !== 'not_found' && !isOutdated(fetchResult);
      if (!isUsable) refetch.push(key);
      else results.set(id, toLookup(fetchResult, cacheEntries.get(id), false));
    }
    if (refetch.length > 0) {
      for (const [id, fetchResult] of await readAll(refetch))
        results.set(id, toLookup(fetchResult, cacheEntries.get(id), true));
    }
    return results;
  }

  function toLookup(
    fetchResult: FetchResult<Message, T> | undefined,
    cacheEntry: CacheEntry<T> | undefined,
    confirmed: boolean,
  ): Lookup<T> {
    if (fetchResult === undefined) return { status: 'unavailable', cause: 'no response' };
    if (fetchResult.status === 'found') {
      const freshness = { fetchTime: fetchResult.fetchTime, stale: false };
      return { status: 'found', value: fetchResult.value, freshness, confirmed };
    }
    if (fetchResult.status === 'unavailable' && cacheEntry !== undefined) {
      counts.cache(upstream.kind, 'stale', 1);
      const freshness = { fetchTime: cacheEntry.fetchTime, stale: true };
      return { status: 'found', value: cacheEntry.value, freshness, confirmed: false };
    }
    return fetchResult;
  }

  return {
    async lookUp(keys, { fresh }) {
      const cacheEntries = fresh ? new Map<string, CacheEntry<T>>() : await cache.get(keys);
      // A cached key had a valid response once: enough to probe the API with it, right after a start with a full cache.
      lastValidKey ??= keys.find((key) => cacheEntries.has(upstream.keyOf(key)));
      const results = new Map<string, Lookup<T>>();
      for (const [id, cacheEntry] of cacheEntries) {
        if (!cacheEntry.fresh) continue;
        const freshness = { fetchTime: cacheEntry.fetchTime, stale: false };
        results.set(id, { status: 'found', value: cacheEntry.value, freshness, confirmed: false });
      }
      const missing = keys.filter((key) => !results.has(upstream.keyOf(key)));
      if (!fresh) {
        counts.cache(upstream.kind, 'hit', results.size);
        counts.cache(upstream.kind, 'miss', missing.length);
      }
      if (missing.length === 0) return results;
      for (const [id, lookup] of await fetched(missing, cacheEntries, fresh)) results.set(id, lookup);
      return results;
    },
  };
}

function isDefinite<Message, T>(fetchResults: Map<string, FetchResult<Message, T>>, id: string): boolean {
  const status = fetchResults.get(id)?.status;
  return status === 'found' || status === 'not_found';
}

function isOutdated<Message, T>(fetchResult: FetchResult<Message, T>): boolean {
  return fetchResult.status === 'found' && fetchResult.outdated === true;
}
