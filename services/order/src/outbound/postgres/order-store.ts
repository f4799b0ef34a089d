import { appendOutbox } from '@orderflow/messaging';
import {
  bigintArray,
  byteaArray,
  type Database,
  intArray,
  millis,
  type Sql,
  type Transaction,
  textArray,
} from '@orderflow/storage';
import type { EnrichedOrder } from '../../domain/enriched-order.ts';
import { type OrderState, sagaStates } from '../../domain/saga.ts';
import { type Limits, undecidedOrder } from '../../domain/transition.ts';
import type { Candidate, OrderStore, Settled } from '../../ports.ts';
import {
  applyDecision,
  type DecidingCandidate,
  type DecisionTransition,
  hasDecision,
  type TimedDecision,
  timed,
  toEvents,
} from './decision-transition.ts';
import { decodeEnrichedOrder } from './enriched-order-codec.ts';
import { storable } from './storable.ts';
import { afterMs, appendHistory } from './transition-rows.ts';

interface LockedOrder {
  id: string;
  content_hash: Buffer;
  state: OrderState;
  version: number;
  revision: number;
  needs_attention: string | null;
  /** The time of a transition that is written now, in milliseconds: never before the last one. */
  time: number;
}

interface Options {
  /** The currency of all totals. */
  readonly currency: string;
  readonly limits: Limits;
}

/** Stores orders in Postgres. */
export function createOrderStore(database: Database, { currency, limits }: Options): OrderStore {
  /** Applies a decision to a new order, or to an undecided one that is stored. */
  function apply(candidate: DecidingCandidate, stored?: LockedOrder): DecisionTransition {
    const { orderId, customerId } = candidate;
    const order = undecidedOrder({ orderId, customerId, currency }, stored && progressOf(stored));
    return applyDecision(order, candidate, limits);
  }

  return {
    decide: (candidates) =>
      database.transaction(async (transaction) => {
        const byId = Map.groupBy(candidates, ({ orderId }) => orderId);
        const firstOfIds = [...byId.values()].map(([first]) => first).filter(hasDecision);
        const inserted = await insertNew(
          transaction,
          firstOfIds.map((candidate) => apply(candidate)),
        );
        const stored = await lockStored(
          transaction,
          [...byId.keys()].filter((id) => !inserted.has(id)),
        );
        const decisions = await storedDecisions(transaction, stored);

        const transitions = new Map(inserted);
        const settled = new Map<string, Settled>();
        for (const row of stored) {
          const decided = decisions.get(row.id);
          const candidate = decided ? undefined : candidateFor(row, byId.get(row.id) ?? []);
          if (hasDecision(candidate)) transitions.set(row.id, timed(apply(candidate, row), row.time));
          else settled.set(row.id, asStored(row, decided));
        }
        for (const [id, transition] of transitions) settled.set(id, asWritten(transition, inserted.has(id)));

        const written = [...transitions.values()];
        const changed = written.filter(({ after }) => after.revision > 1);
        updatePending(transaction, changed);
        appendHistory(transaction, written);
        appendOutbox(transaction, written.flatMap(toEvents));
        return settled;
      }),
  };
}

/**
 * Inserts orders that do not exist yet, after their first transitions; returns the transitions of the new ones, by id.
 * In id order, so that two batches cannot deadlock.
 */
async function insertNew(
  sql: Sql,
  transitions: readonly DecisionTransition[],
): Promise<Map<string, TimedDecision>> {
  if (transitions.length === 0) return new Map();
  const inserted = await sql.query<{ id: string; time: number }>(
    `
    insert into orders (
      id, customer_id, content_hash, state, version, revision, needs_attention, total,
      submission, submission_content_type, deadline_time, create_time, update_time
    )
    select id, customer_id, content_hash, state, version, 1, needs_attention, total,
      submission, submission_content_type, now() + deadline_after_ms * interval '1 millisecond', now(), now()
    from unnest(
      $1::text[],
      $2::text[],
      $3::bytea[],
      $4::text[],
      $5::int[],
      $6::text[],
      $7::bigint[],
      $8::bytea[],
      $9::text[],
      $10::float8[]
    ) as new(
      id, customer_id, content_hash, state, version, needs_attention, total, submission,
      submission_content_type, deadline_after_ms
    )
    order by id collate "C"
    on conflict (id) do nothing
    returning id, ${millis('create_time')} as time`,
    [
      textArray(transitions.map(({ after }) => after.orderId)),
      textArray(transitions.map(({ after }) => storable(after.customerId))),
      byteaArray(transitions.map(({ candidate }) => candidate.contentHash)),
      textArray(transitions.map(stateAfter)),
      intArray(transitions.map(({ after }) => after.version)),
      textArray(transitions.map(({ after }) => after.needsAttention ?? null)),
      bigintArray(transitions.map(({ after }) => after.total ?? null)),
      byteaArray(transitions.map((transition) => submissionAfter(transition)?.value ?? null)),
      textArray(transitions.map((transition) => submissionAfter(transition)?.contentType ?? null)),
      transitions.map(({ nextDeadline }) => afterMs(nextDeadline)),
    ],
  );
  const times = new Map(inserted.map(({ id, time }) => [id, time]));
  return new Map(
    transitions.flatMap((transition): [string, TimedDecision][] => {
      const { orderId } = transition.after;
      const time = times.get(orderId);
      return time === undefined ? [] : [[orderId, timed(transition, time)]];
    }),
  );
}

async function lockStored(sql: Sql, ids: readonly string[]): Promise<LockedOrder[]> {
  if (ids.length === 0) return [];
  return sql.query<LockedOrder>(
    `select id, content_hash, state, version, revision, needs_attention,
       ${millis('greatest(now(), update_time)')} as time
     from orders where id = any($1::text[]) order by id for update`,
    [textArray(ids)],
  );
}

async function storedDecisions(
  sql: Sql,
  stored: readonly LockedOrder[],
): Promise<Map<string, EnrichedOrder>> {
  const ids = stored.filter(({ state }) => state !== 'PENDING').map(({ id }) => id);
  if (ids.length === 0) return new Map();
  const rows = await sql.query<{ order_id: string; enriched_order: Buffer }>(
    `
    select order_id, enriched_order from order_history
    where order_id = any($1::text[]) and enriched_order is not null`,
    [ids],
  );
  return new Map(rows.map((row) => [row.order_id, decodeEnrichedOrder(row.enriched_order)]));
}

/** The candidate that may decide a stored order: it is undecided, and has the candidate's content. */
function candidateFor(row: LockedOrder, candidates: readonly Candidate[]): Candidate | undefined {
  if (row.state !== 'PENDING') return undefined;
  return candidates.find(({ contentHash }) => row.content_hash.equals(contentHash));
}

/** How far a stored order has come. */
function progressOf({ version, revision, needs_attention: needsAttention }: LockedOrder) {
  return { version, revision, needsAttention: needsAttention ?? undefined };
}

function stateAfter({ after }: DecisionTransition): OrderState {
  return sagaStates[after.sagaState].state;
}

/** The submission that RetryOrder resends; undefined after the decision. */
function submissionAfter({ after, candidate }: DecisionTransition): Candidate['submission'] | undefined {
  return after.sagaState === 'PENDING' ? candidate.submission : undefined;
}

function asStored(row: LockedOrder, decided: EnrichedOrder | undefined): Settled {
  const contentHash = row.content_hash;
  if (decided !== undefined) return { contentHash, kind: 'decided', order: decided };
  return { contentHash, kind: row.state === 'PENDING' ? 'open' : 'closed' };
}

function asWritten({ candidate, enrichedOrder, detail = '' }: TimedDecision, isNew: boolean): Settled {
  const { contentHash } = candidate;
  if (enrichedOrder === undefined) return { contentHash, kind: 'invalid', cause: detail };
  return { contentHash, kind: isNew ? 'new' : 'pending', order: enrichedOrder };
}

function updatePending(transaction: Transaction, transitions: readonly DecisionTransition[]): void {
  if (transitions.length === 0) return;
  transaction.write(
    `
    update orders set
      state = new.state, version = new.version, revision = new.revision,
      needs_attention = new.needs_attention, total = new.total,
      submission = case new.state when 'PENDING' then orders.submission end,
      submission_content_type = case new.state when 'PENDING' then orders.submission_content_type end,
      deadline_time = now() + new.deadline_after_ms * interval '1 millisecond',
      update_time = greatest(now(), orders.update_time)
    from unnest(
      $1::text[],
      $2::text[],
      $3::int[],
      $4::int[],
      $5::text[],
      $6::bigint[],
      $7::float8[]
    ) as new(id, state, version, revision, needs_attention, total, deadline_after_ms)
    where orders.id = new.id`,
    [
      textArray(transitions.map(({ after }) => after.orderId)),
      textArray(transitions.map(stateAfter)),
      intArray(transitions.map(({ after }) => after.version)),
      intArray(transitions.map(({ after }) => after.revision)),
      textArray(transitions.map(({ after }) => after.needsAttention ?? null)),
      bigintArray(transitions.map(({ after }) => after.total ?? null)),
      transitions.map(({ nextDeadline }) => afterMs(nextDeadline)),
    ],
  );
}
