import type { Lookup } from '../../domain/enrichment.ts';
import { type Upstream, UpstreamAnswerError, UpstreamUnavailableError } from './enrichment-api.ts';
import type { CachedCopy, EnrichmentCache } from './enrichment-cache.ts';

/** How many keys the enrichment API takes in one call. */
const chunkSize = 200;

/** What was read from the API for one key. */
type Answer<Message, T> =
  | {
      readonly status: 'found';
      readonly message: Message;
      readonly value: T;
      readonly fetchTime: Date;
      /** A newer version was announced while this was on its way. */
      readonly outdated?: true;
    }
  | { readonly status: 'not_found' }
  | { readonly status: 'unavailable'; readonly cause: string }
  | { readonly status: 'invalid'; readonly cause: string };

/** Counts what happened, for the metrics. */
export interface LookupCounts {
  cache(kind: string, result: 'hit' | 'miss' | 'stale', count: number): void;
  upstream(kind: string, outcome: 'ok' | 'unavailable' | 'wrong_answer'): void;
}

/** Looks up many keys of one kind: in the cache where a copy will do, else in the API. */
export interface KindLookup<K, T> {
  lookUp(keys: readonly K[], options: { fresh: boolean }): Promise<Map<string, Lookup<T>>>;
}

/**
 * The look-up path of one kind: copies from the cache; one API call per 200 missing keys; calls under way in this
 * process are shared. Never throws for trouble of the cache or the API: the answer says so for each key.
 */
export function createKindLookup<K, Message, T>(
  upstream: Upstream<K, Message, T>,
  cache: EnrichmentCache<K, Message, T>,
  counts: LookupCounts,
  now: () => Date,
): KindLookup<K, T> {
  const underWay = new Map<string, Promise<Answer<Message, T>>>();
  let lastGood: K | undefined;

  const allAre = (keys: readonly K[], answer: Answer<Message, T>) =>
    new Map(keys.map((key) => [upstream.keyOf(key), answer]));

  /** Asks for one chunk. An unusable answer is halved until the keys it is about stand alone. */
  async function fetchChunk(keys: readonly K[]): Promise<Map<string, Answer<Message, T>>> {
    try {
      const fetchTime = now();
      const messages = await upstream.fetch(keys);
      const answers = new Map<string, Answer<Message, T>>();
      for (const key of keys) {
        const message = messages.get(upstream.keyOf(key));
        answers.set(
          upstream.keyOf(key),
          message === undefined
            ? { status: 'not_found' }
            : { status: 'found', message, value: upstream.toValue(key, message), fetchTime },
        );
      }
      counts.upstream(upstream.kind, 'ok');
      lastGood = keys[0];
      return answers;
    } catch (error) {
      if (error instanceof UpstreamUnavailableError) {
        counts.upstream(upstream.kind, 'unavailable');
        return allAre(keys, { status: 'unavailable', cause: error.message });
      }
      if (!(error instanceof UpstreamAnswerError)) throw error;
      counts.upstream(upstream.kind, 'wrong_answer');
      if (keys.length === 1) return allAre(keys, { status: 'invalid', cause: error.message });
      const middle = keys.length >> 1;
      const first = await fetchChunk(keys.slice(0, middle));
      return new Map([...first, ...(await fetchChunk(keys.slice(middle)))]);
    }
  }

  /** A wrong answer is held against a key only while the API answers others well; else the API is what is ill. */
  async function fetchAndBlame(keys: readonly K[]): Promise<Map<string, Answer<Message, T>>> {
    const good = lastGood;
    const answers = await fetchChunk(keys);
    const invalid = [...answers].filter(([, answer]) => answer.status === 'invalid');
    if (invalid.length === 0 || invalid.length < answers.size) return answers;
    const isWell = good !== undefined && isAnswer(await fetchChunk([good]), upstream.keyOf(good));
    if (isWell) return answers;
    return new Map(
      invalid.map(([key, answer]) => [
        key,
        { status: 'unavailable', cause: 'cause' in answer ? answer.cause : 'no usable answer' },
      ]),
    );
  }

  /** Reads keys from the API and keeps copies of what was found. */
  function read(keys: readonly K[]): Promise<Answer<Message, T>>[] {
    const chunks = Array.from({ length: Math.ceil(keys.length / chunkSize) }, (_, index) =>
      keys.slice(index * chunkSize, (index + 1) * chunkSize),
    );
    return chunks.flatMap((chunk) => {
      const reading = fetchAndBlame(chunk).then(async (answers) => {
        const outdated = await cache.put(
          chunk.flatMap((key) => {
            const answer = answers.get(upstream.keyOf(key));
            return answer?.status === 'found' ? [{ key, ...answer }] : [];
          }),
        );
        for (const id of outdated) {
          const answer = answers.get(id);
          if (answer?.status === 'found') answers.set(id, { ...answer, outdated: true });
        }
        return answers;
      });
      return chunk.map((key) => {
        const id = upstream.keyOf(key);
        const answer = reading.then((answers): Answer<Message, T> => {
          return answers.get(id) ?? { status: 'unavailable', cause: `${id} was not answered` };
        });
        underWay.set(id, answer);
        const forget = () => {
          if (underWay.get(id) === answer) underWay.delete(id);
        };
        answer.then(forget, forget);
        return answer;
      });
    });
  }

  async function readAll(keys: readonly K[]): Promise<Map<string, Answer<Message, T>>> {
    const answers = await Promise.all(read(keys));
    return new Map(keys.map((key, index) => [upstream.keyOf(key), answers[index] as Answer<Message, T>]));
  }

  async function fetched(keys: readonly K[], copies: ReadonlyMap<string, CachedCopy<T>>, fresh: boolean) {
    const shared = fresh ? [] : keys.filter((key) => underWay.has(upstream.keyOf(key)));
    const own = keys.filter((key) => !shared.includes(key));
    const sharing = shared.map(async (key) => [key, await underWay.get(upstream.keyOf(key))] as const);
    const [answers, sharedAnswers] = await Promise.all([readAll(own), Promise.all(sharing)]);
    const results = new Map<string, Lookup<T>>();
    for (const key of own) {
      const id = upstream.keyOf(key);
      results.set(id, toLookup(answers.get(id), copies.get(id), true));
    }
    // Another slice's call began before ours: what it found will do as a copy. A "no" is asked for again, and so is
    // what has changed since: it may have been announced before we looked it up.
    const askAgain: K[] = [];
    for (const [key, answer] of sharedAnswers) {
      const id = upstream.keyOf(key);
      const isUsable = answer !== undefined && answer.status !== 'not_found' && !isOutdated(answer);
      if (!isUsable) askAgain.push(key);
      else results.set(id, toLookup(answer, copies.get(id), false));
    }
    if (askAgain.length > 0) {
      for (const [id, answer] of await readAll(askAgain))
        results.set(id, toLookup(answer, copies.get(id), true));
    }
    return results;
  }

  function toLookup(
    answer: Answer<Message, T> | undefined,
    copy: CachedCopy<T> | undefined,
    confirmed: boolean,
  ): Lookup<T> {
    if (answer === undefined) return { status: 'unavailable', cause: 'no answer' };
    if (answer.status === 'found') {
      const freshness = { fetchTime: answer.fetchTime, stale: false };
      return { status: 'found', value: answer.value, freshness, confirmed };
    }
    if (answer.status === 'unavailable' && copy !== undefined) {
      counts.cache(upstream.kind, 'stale', 1);
      const freshness = { fetchTime: copy.fetchTime, stale: true };
      return { status: 'found', value: copy.value, freshness, confirmed: false };
    }
    return answer;
  }

  return {
    async lookUp(keys, { fresh }) {
      const copies = fresh ? new Map<string, CachedCopy<T>>() : await cache.get(keys);
      // What a copy is of was answered well once: enough to ask how the API is, right after a start with a full cache.
      lastGood ??= keys.find((key) => copies.has(upstream.keyOf(key)));
      const results = new Map<string, Lookup<T>>();
      for (const [id, copy] of copies) {
        if (!copy.fresh) continue;
        const freshness = { fetchTime: copy.fetchTime, stale: false };
        results.set(id, { status: 'found', value: copy.value, freshness, confirmed: false });
      }
      const missing = keys.filter((key) => !results.has(upstream.keyOf(key)));
      if (!fresh) {
        counts.cache(upstream.kind, 'hit', results.size);
        counts.cache(upstream.kind, 'miss', missing.length);
      }
      if (missing.length === 0) return results;
      for (const [id, lookup] of await fetched(missing, copies, fresh)) results.set(id, lookup);
      return results;
    },
  };
}

function isAnswer<Message, T>(answers: Map<string, Answer<Message, T>>, id: string): boolean {
  const status = answers.get(id)?.status;
  return status === 'found' || status === 'not_found';
}

function isOutdated<Message, T>(answer: Answer<Message, T>): boolean {
  return answer.status === 'found' && answer.outdated === true;
}
