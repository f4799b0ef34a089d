import type { MikroORM, SqlEntityManager } from '@mikro-orm/postgresql';
import { appendOutbox, type OutboxMessage } from '@orderflow/messaging';
import { bigintArray, byteaArray, intArray, nativeQuery, sendTogether, textArray } from '@orderflow/storage';
import type { EnrichedOrder } from '../domain/enriched-order.ts';
import { attentionThatStays } from '../domain/order-step.ts';
import { type OrderEventName, type OrderState, places, sagaTable } from '../domain/saga.ts';
import type { Candidate, OrderStore, Settled } from '../ports.ts';
import { decodeEnrichedOrder, encodeEnrichedOrder } from './enriched-order-codec.ts';
import { decisionEvent } from './order-event.ts';
import { storable, withoutNul } from './storable.ts';

interface StoredOrder {
  id: string;
  content_hash: Buffer;
  state: OrderState;
  version: number;
  revision: number;
  needs_attention: string | null;
}

/** The decision; or why there is none, and the order stays PENDING and needs attention. */
type Decision = EnrichedOrder | { readonly invalid: string };

/** A transition that this transaction writes: the order as it is after it. */
interface Transition {
  readonly candidate: Candidate;
  readonly decision: Decision;
  readonly state: OrderState;
  readonly tells: readonly OrderEventName[];
  /** How many events of the order are published, and rows in its history. */
  readonly version: number;
  readonly revision: number;
  readonly needsAttention: string | undefined;
}

/** A new order, as it is before its first transition. */
const unheardOf = { version: 0, revision: 0, needs_attention: null };

/** What the saga's table makes of a decision on an undecided order. */
function transitionOf(
  candidate: Candidate,
  decision: Decision,
  before: Pick<StoredOrder, 'version' | 'revision' | 'needs_attention'>,
): Transition {
  const revision = before.revision + 1;
  if ('invalid' in decision) {
    const needsAttention = 'ENRICHMENT_INVALID';
    return {
      candidate,
      decision,
      state: 'PENDING',
      tells: [],
      version: before.version,
      revision,
      needsAttention,
    };
  }
  const cell = sagaTable.PENDING[decision.decision.outcome === 'ACCEPTED' ? 'Accept' : 'Reject'];
  if (cell.kind !== 'apply') throw new Error('the table does not let an undecided order be decided');
  return {
    candidate,
    decision,
    state: places[cell.to].state,
    tells: cell.tells,
    version: before.version + cell.tells.length,
    revision,
    needsAttention: attentionThatStays(before.needs_attention ?? undefined),
  };
}

/**
 * Keeps orders in Postgres.
 * `acceptedLookMs`: how long after its decision an accepted order is looked at if nothing has happened to it.
 */
export function createOrderStore(
  orm: MikroORM,
  { acceptedLookMs }: { readonly acceptedLookMs: number },
): OrderStore {
  return {
    decide: (candidates) =>
      orm.em.fork().transactional(async (em) => {
        const byId = Map.groupBy(candidates, ({ orderId }) => orderId);
        const inserted = await insertNew(em, [...byId.values()], acceptedLookMs);
        const stored = await lockStored(
          em,
          [...byId.keys()].filter((id) => !inserted.has(id)),
        );
        const decisions = await storedDecisions(em, stored);

        const transitions = new Map(inserted);
        const settled = new Map<string, Settled>();
        for (const row of stored) {
          const decided = decisions.get(row.id);
          const transition = decided ? undefined : nextOf(row, byId.get(row.id) ?? []);
          if (transition !== undefined) transitions.set(row.id, transition);
          else settled.set(row.id, asStored(row, decided));
        }
        for (const [id, transition] of transitions) settled.set(id, asWritten(transition, inserted.has(id)));

        const written = [...transitions.values()];
        const changed = written.filter(({ revision }) => revision > 1);
        await sendTogether(
          () => updatePending(em, changed, acceptedLookMs),
          () => appendHistory(em, written),
          () => appendOutbox(em, written.flatMap(toEvent)),
        );
        return settled;
      }),
  };
}

/**
 * Inserts the orders that are not there yet; answers the transitions of those that are new.
 * In id order, so that two slices cannot lock each other out.
 */
async function insertNew(
  em: SqlEntityManager,
  candidatesOfIds: readonly (readonly Candidate[])[],
  acceptedLookMs: number,
): Promise<Map<string, Transition>> {
  const transitions = new Map(
    candidatesOfIds.flatMap(([first]): [string, Transition][] => {
      const decision = first?.decision;
      if (first === undefined || decision === undefined) return [];
      return [[first.orderId, transitionOf(first, decision, unheardOf)]];
    }),
  );
  const rows = [...transitions.values()];
  if (rows.length === 0) return transitions;
  const inserted = await nativeQuery<{ id: string }>(
    em,
    `
    insert into orders (
      id, customer_id, content_hash, state, version, revision, needs_attention, total,
      submission, submission_content_type, deadline_time, create_time, update_time
    )
    select id, customer_id, content_hash, state, version, 1, needs_attention, total,
      submission, submission_content_type, case state when 'ACCEPTED' then now() + $10 * interval '1 millisecond' end, now(), now()
    from unnest(
      $1::text[],
      $2::text[],
      $3::bytea[],
      $4::text[],
      $5::int[],
      $6::text[],
      $7::bigint[],
      $8::bytea[],
      $9::text[]
    ) as new(
      id, customer_id, content_hash, state, version, needs_attention, total, submission,
      submission_content_type
    )
    order by id
    on conflict (id) do nothing
    returning id`,
    [
      textArray(rows.map(({ candidate }) => candidate.orderId)),
      textArray(rows.map(({ candidate }) => storable(candidate.customerId))),
      byteaArray(rows.map(({ candidate }) => candidate.contentHash)),
      textArray(rows.map(({ state }) => state)),
      intArray(rows.map(({ version }) => version)),
      textArray(rows.map(({ needsAttention }) => needsAttention ?? null)),
      bigintArray(rows.map(totalAfter)),
      byteaArray(rows.map((row) => submissionAfter(row)?.value ?? null)),
      textArray(rows.map((row) => submissionAfter(row)?.contentType ?? null)),
      acceptedLookMs,
    ],
  );
  const isNew = new Set(inserted.map(({ id }) => id));
  return new Map([...transitions].filter(([id]) => isNew.has(id)));
}

async function lockStored(em: SqlEntityManager, ids: readonly string[]): Promise<StoredOrder[]> {
  if (ids.length === 0) return [];
  return nativeQuery<StoredOrder>(
    em,
    `select id, content_hash, state, version, revision, needs_attention
     from orders where id = any($1::text[]) order by id for update`,
    [textArray(ids)],
  );
}

async function storedDecisions(
  em: SqlEntityManager,
  stored: readonly StoredOrder[],
): Promise<Map<string, EnrichedOrder>> {
  const ids = stored.filter(({ state }) => state !== 'PENDING').map(({ id }) => id);
  if (ids.length === 0) return new Map();
  const rows = await nativeQuery<{ order_id: string; enriched_order: Buffer }>(
    em,
    `
    select order_id, enriched_order from order_history
    where order_id = any($1::text[]) and enriched_order is not null`,
    [ids],
  );
  return new Map(rows.map((row) => [row.order_id, decodeEnrichedOrder(row.enriched_order)]));
}

/** The transition of a stored order that a candidate of its content brings; undefined when there is none. */
function nextOf(row: StoredOrder, candidates: readonly Candidate[]): Transition | undefined {
  if (row.state !== 'PENDING') return undefined;
  const candidate = candidates.find(({ contentHash }) => row.content_hash.equals(contentHash));
  const decision = candidate?.decision;
  return candidate && decision && transitionOf(candidate, decision, row);
}

function asStored(row: StoredOrder, decided: EnrichedOrder | undefined): Settled {
  const contentHash = row.content_hash;
  if (decided !== undefined) return { contentHash, kind: 'decided', order: decided };
  return { contentHash, kind: row.state === 'PENDING' ? 'open' : 'closed' };
}

function asWritten({ candidate: { contentHash }, decision }: Transition, isNew: boolean): Settled {
  if ('invalid' in decision) return { contentHash, kind: 'invalid', cause: decision.invalid };
  return { contentHash, kind: isNew ? 'new' : 'pending', order: decision };
}

function totalAfter({ decision }: Transition): bigint | null {
  return 'decision' in decision && decision.decision.outcome === 'ACCEPTED' ? decision.decision.total : null;
}

/** What RetryOrder sends again; nothing once there is a decision. */
function submissionAfter({ decision, candidate }: Transition): Candidate['submission'] | undefined {
  return 'invalid' in decision ? candidate.submission : undefined;
}

async function updatePending(
  em: SqlEntityManager,
  transitions: readonly Transition[],
  acceptedLookMs: number,
): Promise<void> {
  if (transitions.length === 0) return;
  await nativeQuery(
    em,
    `
    update orders set
      state = new.state, version = new.version, revision = new.revision,
      needs_attention = new.needs_attention, total = new.total,
      submission = case new.state when 'PENDING' then orders.submission end,
      submission_content_type = case new.state when 'PENDING' then orders.submission_content_type end,
      deadline_time = case new.state when 'ACCEPTED' then now() + $7 * interval '1 millisecond' end,
      update_time = now()
    from unnest(
      $1::text[],
      $2::text[],
      $3::int[],
      $4::int[],
      $5::text[],
      $6::bigint[]
    ) as new(id, state, version, revision, needs_attention, total)
    where orders.id = new.id`,
    [
      textArray(transitions.map(({ candidate }) => candidate.orderId)),
      textArray(transitions.map(({ state }) => state)),
      intArray(transitions.map(({ version }) => version)),
      intArray(transitions.map(({ revision }) => revision)),
      textArray(transitions.map(({ needsAttention }) => needsAttention ?? null)),
      bigintArray(transitions.map(totalAfter)),
      acceptedLookMs,
    ],
  );
}

async function appendHistory(em: SqlEntityManager, transitions: readonly Transition[]): Promise<void> {
  if (transitions.length === 0) return;
  await nativeQuery(
    em,
    `
    insert into order_history
      (order_id, revision, state, cause, version, event_types, detail, enriched_order, create_time)
    select order_id, revision, state, cause, version, string_to_array(event_types, ','), detail,
      enriched_order, now()
    from unnest(
      $1::text[],
      $2::int[],
      $3::text[],
      $4::text[],
      $5::int[],
      $6::text[],
      $7::text[],
      $8::bytea[]
    ) as new(order_id, revision, state, cause, version, event_types, detail, enriched_order)`,
    [
      textArray(transitions.map(({ candidate }) => candidate.orderId)),
      intArray(transitions.map(({ revision }) => revision)),
      textArray(transitions.map(({ state }) => state)),
      textArray(transitions.map(({ candidate }) => candidate.cause)),
      intArray(transitions.map(({ version }) => version)),
      textArray(transitions.map(({ tells }) => tells.join(','))),
      textArray(
        transitions.map(({ decision }) => ('invalid' in decision ? withoutNul(decision.invalid) : null)),
      ),
      byteaArray(
        transitions.map(({ decision }) => ('invalid' in decision ? null : encodeEnrichedOrder(decision))),
      ),
    ],
  );
}

function toEvent({ candidate, decision: order, version }: Transition): OutboxMessage[] {
  if ('invalid' in order) return [];
  return [decisionEvent(order, { version, traceparent: candidate.traceparent })];
}
