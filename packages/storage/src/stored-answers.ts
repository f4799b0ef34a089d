import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { KeptAnswer, RepeatableRequest } from '@orderflow/runtime';
import { nativeQuery } from './native-query.ts';

const keptMs = 30 * 86_400_000;

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
  if (!em.isInTransaction()) {
    throw new Error('answerOnce: no transaction is open; call it inside em.transactional(...)');
  }
  if (request === undefined) return { kind: 'answer', bytes: await work() };

  const { callerId, method, requestId, contentHash } = request;
  // Waits for the end of another transaction that has claimed the same.
  const claimed = await nativeQuery(
    em,
    `insert into idempotency (caller_id, method, request_id, content_hash, create_time)
     values ($1, $2, $3, $4, $5)
     on conflict do nothing
     returning 1`,
    [callerId, method, requestId, contentHash, now],
  );
  if (claimed.length === 0) {
    const stored = await findAnswer(em, request);
    if (stored === undefined) throw new Error(`request ${requestId} was forgotten while it was repeated`);
    return stored;
  }
  const bytes = await work();
  await nativeQuery(
    em,
    'update idempotency set answer = $4 where caller_id = $1 and method = $2 and request_id = $3',
    [callerId, method, requestId, bytes],
  );
  return { kind: 'answer', bytes };
}

/** The answer this request was given before, for what has to be asked before a transaction begins. Claims nothing. */
export async function findAnswer(
  em: SqlEntityManager,
  { callerId, method, requestId, contentHash }: RepeatableRequest,
): Promise<KeptAnswer | undefined> {
  const [stored] = await nativeQuery<{ content_hash: Buffer; answer: Buffer | null }>(
    em,
    `select content_hash, answer from idempotency
     where caller_id = $1 and method = $2 and request_id = $3`,
    [callerId, method, requestId],
  );
  if (stored === undefined) return undefined;
  if (!stored.content_hash.equals(contentHash)) return { kind: 'reused' };
  if (stored.answer === null) throw new Error(`request ${requestId} was committed without an answer`);
  return { kind: 'answer', bytes: stored.answer };
}

/** Deletes the answers that are older than 30 days: no caller can still expect to get them. */
export async function forgetOldAnswers(em: SqlEntityManager, now: Date): Promise<void> {
  await nativeQuery(em, 'delete from idempotency where create_time < $1', [new Date(now.getTime() - keptMs)]);
}
