import type { InTransaction, RepeatableRequest, RunEachIdempotent, StoredResponse } from '@orderflow/runtime';
import { byteaArray, textArray } from './binary-array.ts';
import type { Database, Sql, Transaction } from './sql.ts';

/**
 * The statements of a service's migration for the stored responses of repeatable requests.
 * `answer`: the bytes of the response message; null only inside the transaction that computes it.
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
 * Does the work and stores its response with the transaction, unless this request has a stored response: then
 * returns that, so call it before any other check. Concurrent repeats wait for the end of this transaction. A rollback
 * undoes it; an error of the work must not be caught inside of the transaction. Without a request the work is done
 * every time.
 */
export async function runIdempotent(
  transaction: Transaction,
  request: RepeatableRequest | undefined,
  now: Date,
  work: () => Promise<Uint8Array>,
): Promise<StoredResponse> {
  const [stored] = await runEachIdempotent(
    transaction,
    [request],
    now,
    async () => new Map([[0, await work()]]),
  );
  if (stored === undefined) throw new Error('runIdempotent: the work returned no response');
  return stored;
}

/** Opens transactions as a service sees them: `parts` makes its port of each, and `runIdempotent` belongs to it. */
export function idempotentTransactions<Port>(
  database: Database,
  now: () => Date,
  parts: (transaction: Transaction) => Port,
): InTransaction<Port> {
  return (work) =>
    database.transaction((transaction) =>
      work(parts(transaction), (request, respond) => runIdempotent(transaction, request, now(), respond)),
    );
}

/** {@link runIdempotent} for many requests; see `RunEachIdempotent`. */
export async function runEachIdempotent(
  transaction: Transaction,
  requests: readonly (RepeatableRequest | undefined)[],
  now: Date,
  work: Parameters<RunEachIdempotent>[1],
): Promise<(StoredResponse | undefined)[]> {
  const claims = requests.filter((request) => request !== undefined);
  const claimed = claims.length > 0 ? await claim(transaction, claims, now) : new Set<string>();
  const isToDo = (request: RepeatableRequest | undefined) =>
    request === undefined || claimed.has(keyOf(request));
  const indexes = requests.flatMap((request, index) => (isToDo(request) ? [index] : []));
  const responses = indexes.length > 0 ? await work(indexes) : new Map<number, Uint8Array | undefined>();
  storeResponses(
    transaction,
    requests.flatMap((request, index) =>
      request && isToDo(request) ? [{ request, bytes: responses.get(index) }] : [],
    ),
  );

  const earlier = await findResponses(
    transaction,
    claims.filter((request) => !isToDo(request)),
  );
  return requests.map((request, index) => {
    if (isToDo(request)) {
      const bytes = responses.get(index);
      return bytes && { kind: 'response', bytes };
    }
    const stored = request && earlier.get(keyOf(request));
    if (stored === undefined)
      throw new Error(`request ${request?.requestId} was deleted while it was repeated`);
    return stored;
  });
}

/** Returns the stored response of this request, for a check before a transaction begins. Claims nothing. */
export async function findResponse(
  sql: Sql,
  request: RepeatableRequest,
): Promise<StoredResponse | undefined> {
  return (await findResponses(sql, [request])).get(keyOf(request));
}

/** The key of a request, within this process. */
function keyOf({ callerId, method, requestId }: RepeatableRequest): string {
  return JSON.stringify([callerId, method, requestId]);
}

/** The parameters $1 to $3 that identify requests. */
function namesOf(requests: readonly RepeatableRequest[]): Buffer[] {
  return [
    textArray(requests.map(({ callerId }) => callerId)),
    textArray(requests.map(({ method }) => method)),
    textArray(requests.map(({ requestId }) => requestId)),
  ];
}

/**
 * Claims requests; returns the keys of those that were not claimed before. Waits for the end of other transactions that
 * have claimed the same; all claim in the same order, so that they cannot deadlock.
 */
async function claim(sql: Sql, requests: readonly RepeatableRequest[], now: Date): Promise<Set<string>> {
  if (new Set(requests.map(keyOf)).size < requests.length) {
    throw new Error('runIdempotent: two requests of one transaction have the same request id');
  }
  const claimed = await sql.query<{ caller_id: string; method: string; request_id: string }>(
    `insert into idempotency (caller_id, method, request_id, content_hash, create_time)
     select caller_id, method, request_id, content_hash, $5
     from unnest($1::text[], $2::text[], $3::text[], $4::bytea[]) as new(caller_id, method, request_id, content_hash)
     order by caller_id collate "C", method collate "C", request_id collate "C"
     on conflict do nothing
     returning caller_id, method, request_id`,
    [...namesOf(requests), byteaArray(requests.map(({ contentHash }) => contentHash)), now],
  );
  return new Set(claimed.map((row) => JSON.stringify([row.caller_id, row.method, row.request_id])));
}

/** Stores the responses of claimed requests; releases the claim of a request that has none. */
function storeResponses(
  transaction: Transaction,
  responses: readonly { readonly request: RepeatableRequest; readonly bytes: Uint8Array | undefined }[],
): void {
  const given = responses.flatMap(({ request, bytes }) => (bytes === undefined ? [] : [{ request, bytes }]));
  if (given.length > 0) {
    transaction.write(
      `update idempotency set answer = given.answer
       from unnest($1::text[], $2::text[], $3::text[], $4::bytea[]) as given(caller_id, method, request_id, answer)
       where (idempotency.caller_id, idempotency.method, idempotency.request_id)
         = (given.caller_id, given.method, given.request_id)`,
      [...namesOf(given.map(({ request }) => request)), byteaArray(given.map(({ bytes }) => bytes))],
    );
  }
  const refused = responses.filter(({ bytes }) => bytes === undefined).map(({ request }) => request);
  if (refused.length > 0) {
    transaction.write(
      `delete from idempotency where (caller_id, method, request_id) in
         (select * from unnest($1::text[], $2::text[], $3::text[]))`,
      namesOf(refused),
    );
  }
}

async function findResponses(
  sql: Sql,
  requests: readonly RepeatableRequest[],
): Promise<Map<string, StoredResponse>> {
  if (requests.length === 0) return new Map();
  const rows = await sql.query<{
    caller_id: string;
    method: string;
    request_id: string;
    content_hash: Buffer;
    answer: Buffer | null;
  }>(
    `select caller_id, method, request_id, content_hash, answer from idempotency
     where (caller_id, method, request_id) in (select * from unnest($1::text[], $2::text[], $3::text[]))`,
    namesOf(requests),
  );
  const stored = new Map(
    rows.map((row) => [JSON.stringify([row.caller_id, row.method, row.request_id]), row]),
  );
  return new Map(
    requests.flatMap((request): [string, StoredResponse][] => {
      const row = stored.get(keyOf(request));
      if (row === undefined) return [];
      if (!row.content_hash.equals(request.contentHash)) return [[keyOf(request), { kind: 'reused' }]];
      if (row.answer === null)
        throw new Error(`request ${request.requestId} was committed without a response`);
      return [[keyOf(request), { kind: 'response', bytes: row.answer }]];
    }),
  );
}
