import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { AnswerEachOnce, KeptAnswer, RepeatableRequest } from '@orderflow/runtime';
import { byteaArray, textArray } from './binary-array.ts';
import { nativeQuery } from './native-query.ts';

/**
 * The statements of a service's migration for the answers to repeatable requests.
 * `answer`: the bytes of the response message; null only inside the transaction that is working it out.
 */
export const idempotencyMigration: readonly string[] = [
  `create table idempotency (
    caller_id text not null,
    method text not null,
    request_id text not null,
    content_hash bytea not null,
    answer bytea,
    create_time timestamptz(3) not null,
    primary key (caller_id, method, request_id)
  )`,
  'create index idempotency_create_time on idempotency (create_time)',
];

/**
 * Does the work and keeps its answer with the transaction of `em`, unless this request was answered before: then gives
 * that answer again, so call it before any other check. Repeats made at the same time wait for the end of this
 * transaction. Undone by its rollback; an error of the work must not be caught inside of the transaction.
 * Without a request the work is done every time.
 */
export async function answerOnce(
  em: SqlEntityManager,
  request: RepeatableRequest | undefined,
  now: Date,
  work: () => Promise<Uint8Array>,
): Promise<KeptAnswer> {
  const [answer] = await answerEachOnce(em, [request], now, async () => new Map([[0, await work()]]));
  if (answer === undefined) throw new Error('answerOnce: the work gave no answer');
  return answer;
}

/** {@link answerOnce} for many requests; see `AnswerEachOnce`. */
export async function answerEachOnce(
  em: SqlEntityManager,
  requests: readonly (RepeatableRequest | undefined)[],
  now: Date,
  work: Parameters<AnswerEachOnce>[1],
): Promise<(KeptAnswer | undefined)[]> {
  if (!em.isInTransaction()) {
    throw new Error('answerOnce: no transaction is open; call it inside em.transactional(...)');
  }
  const claims = requests.filter((request) => request !== undefined);
  const claimed = claims.length > 0 ? await claim(em, claims, now) : new Set<string>();
  const isToDo = (request: RepeatableRequest | undefined) =>
    request === undefined || claimed.has(keyOf(request));
  const places = requests.flatMap((request, place) => (isToDo(request) ? [place] : []));
  const answers = places.length > 0 ? await work(places) : new Map<number, Uint8Array | undefined>();
  await keep(
    em,
    requests.flatMap((request, place) =>
      request && isToDo(request) ? [{ request, bytes: answers.get(place) }] : [],
    ),
  );

  const earlier = await findAnswers(
    em,
    claims.filter((request) => !isToDo(request)),
  );
  return requests.map((request, place) => {
    if (isToDo(request)) {
      const bytes = answers.get(place);
      return bytes && { kind: 'answer', bytes };
    }
    const stored = request && earlier.get(keyOf(request));
    if (stored === undefined)
      throw new Error(`request ${request?.requestId} was forgotten while it was repeated`);
    return stored;
  });
}

/** The answer this request was given before, for what has to be asked before a transaction begins. Claims nothing. */
export async function findAnswer(
  em: SqlEntityManager,
  request: RepeatableRequest,
): Promise<KeptAnswer | undefined> {
  return (await findAnswers(em, [request])).get(keyOf(request));
}

/** A request's place among others, within this process. */
function keyOf({ callerId, method, requestId }: RepeatableRequest): string {
  return JSON.stringify([callerId, method, requestId]);
}

/** The parameters $1 to $3 that name requests. */
function namesOf(requests: readonly RepeatableRequest[]): Buffer[] {
  return [
    textArray(requests.map(({ callerId }) => callerId)),
    textArray(requests.map(({ method }) => method)),
    textArray(requests.map(({ requestId }) => requestId)),
  ];
}

/**
 * Claims requests; answers the keys of those that nobody had. Waits for the end of other transactions that have claimed
 * the same; all claim in the same order, so that none waits for one that waits for it.
 */
async function claim(
  em: SqlEntityManager,
  requests: readonly RepeatableRequest[],
  now: Date,
): Promise<Set<string>> {
  if (new Set(requests.map(keyOf)).size < requests.length) {
    throw new Error('answerOnce: two requests of one transaction have the same request id');
  }
  const claimed = await nativeQuery<{ caller_id: string; method: string; request_id: string }>(
    em,
    `insert into idempotency (caller_id, method, request_id, content_hash, create_time)
     select caller_id, method, request_id, content_hash, $5
     from unnest($1::text[], $2::text[], $3::text[], $4::bytea[]) as new(caller_id, method, request_id, content_hash)
     order by caller_id, method, request_id
     on conflict do nothing
     returning caller_id, method, request_id`,
    [...namesOf(requests), byteaArray(requests.map(({ contentHash }) => contentHash)), now],
  );
  return new Set(claimed.map((row) => JSON.stringify([row.caller_id, row.method, row.request_id])));
}

/** Keeps the answers to claimed requests; gives back the claim of a request that has none. */
async function keep(
  em: SqlEntityManager,
  answers: readonly { readonly request: RepeatableRequest; readonly bytes: Uint8Array | undefined }[],
): Promise<void> {
  const given = answers.flatMap(({ request, bytes }) => (bytes === undefined ? [] : [{ request, bytes }]));
  if (given.length > 0) {
    await nativeQuery(
      em,
      `update idempotency set answer = given.answer
       from unnest($1::text[], $2::text[], $3::text[], $4::bytea[]) as given(caller_id, method, request_id, answer)
       where (idempotency.caller_id, idempotency.method, idempotency.request_id)
         = (given.caller_id, given.method, given.request_id)`,
      [...namesOf(given.map(({ request }) => request)), byteaArray(given.map(({ bytes }) => bytes))],
    );
  }
  const refused = answers.filter(({ bytes }) => bytes === undefined).map(({ request }) => request);
  if (refused.length > 0) {
    await nativeQuery(
      em,
      `delete from idempotency where (caller_id, method, request_id) in
         (select * from unnest($1::text[], $2::text[], $3::text[]))`,
      namesOf(refused),
    );
  }
}

async function findAnswers(
  em: SqlEntityManager,
  requests: readonly RepeatableRequest[],
): Promise<Map<string, KeptAnswer>> {
  if (requests.length === 0) return new Map();
  const rows = await nativeQuery<{
    caller_id: string;
    method: string;
    request_id: string;
    content_hash: Buffer;
    answer: Buffer | null;
  }>(
    em,
    `select caller_id, method, request_id, content_hash, answer from idempotency
     where (caller_id, method, request_id) in (select * from unnest($1::text[], $2::text[], $3::text[]))`,
    namesOf(requests),
  );
  const stored = new Map(
    rows.map((row) => [JSON.stringify([row.caller_id, row.method, row.request_id]), row]),
  );
  return new Map(
    requests.flatMap((request): [string, KeptAnswer][] => {
      const row = stored.get(keyOf(request));
      if (row === undefined) return [];
      if (!row.content_hash.equals(request.contentHash)) return [[keyOf(request), { kind: 'reused' }]];
      if (row.answer === null)
        throw new Error(`request ${request.requestId} was committed without an answer`);
      return [[keyOf(request), { kind: 'answer', bytes: row.answer }]];
    }),
  );
}
