import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { topics } from '@orderflow/contracts';
import { appendOutbox, type OutboxMessage } from '@orderflow/messaging';
import { currentTrace } from '@orderflow/runtime';
import { millis, nativeQuery, sendTogether } from '@orderflow/storage';
import type { NextLook, SagaOrder, Step } from '../domain/order-step.ts';
import { type CancelReason, type OrderState, placeOf, places } from '../domain/saga.ts';
import type { SagaTransaction } from '../ports.ts';
import { decodeEnrichedOrder } from './enriched-order-codec.ts';
import { decisionEvent, type SagaEventName, sagaEvent } from './order-event.ts';
import { withoutNul } from './storable.ts';

/** The columns of `orders` that the saga works on. */
const sagaColumns = `${millis('now()')} as now, id, customer_id, state, version, revision, needs_attention, total,
  cancel_reason, cancel_detail, stock_released, money_undone, transaction_id, refunded, requery_time is not null as requeried,
  ${millis('create_time')} as create_time`;

/** A row of these columns. */
interface SagaRow {
  /** The time of the transaction, by the database's clock. */
  readonly now: number;
  readonly id: string;
  readonly customer_id: string;
  readonly state: OrderState;
  readonly version: number;
  readonly revision: number;
  readonly needs_attention: string | null;
  readonly total: string | null;
  readonly cancel_reason: CancelReason | null;
  readonly cancel_detail: string | null;
  readonly stock_released: boolean;
  readonly money_undone: boolean;
  readonly transaction_id: string | null;
  readonly refunded: boolean;
  readonly requeried: boolean;
  readonly create_time: number;
}

/** The saga's part of the transaction that `em` is in. `currency`: what stored totals are in. */
export function sagaTransaction(em: SqlEntityManager, currency: string): SagaTransaction {
  let time: Date | undefined;
  function taken(rows: readonly SagaRow[]): SagaOrder[] {
    const [first] = rows;
    if (first !== undefined) time = new Date(first.now);
    return rows.map((row) => toSagaOrder(row, currency));
  }

  return {
    async lock(orderIds) {
      const rows = await nativeQuery<SagaRow>(
        em,
        `select ${sagaColumns} from orders where id = any($1::text[]) order by id for update`,
        [orderIds],
      );
      return new Map(taken(rows).map((order) => [order.orderId, order]));
    },

    async lockDue(kind, before, limit) {
      const rows = await nativeQuery<SagaRow>(
        em,
        `select ${sagaColumns} from orders
         where deadline_time < $1 and (state = 'PENDING') = $2
           and (not exists (select from outbox where outbox.key = orders.id)
             or exists (select from outbox where outbox.key = orders.id and failed_time is not null))
         order by id limit $3 for update skip locked`,
        [before, kind === 'undecided', limit],
      );
      return taken(rows);
    },

    async write(steps) {
      if (steps.length === 0) return;
      if (time === undefined) throw new Error('steps of orders that were not locked');
      const now = time;
      // Before the history: what was told last is what was told before these steps.
      const repeats = await repeatedMessages(em, steps);
      const messages = [...steps.flatMap((step) => newMessages(step, now)), ...repeats];
      await sendTogether(
        () => updateOrders(em, steps),
        () => appendHistory(em, steps, now),
        () => appendOutbox(em, messages),
      );
    },
  };
}

/** A row as the saga knows it. */
function toSagaOrder(row: SagaRow, currency: string): SagaOrder {
  return {
    orderId: row.id,
    customerId: row.customer_id,
    place: placeOf({
      state: row.state,
      stockReleased: row.stock_released,
      moneyUndone: row.money_undone,
      refunded: row.refunded,
    }),
    version: row.version,
    revision: row.revision,
    needsAttention: row.needs_attention ?? undefined,
    total: row.total === null ? undefined : BigInt(row.total),
    currency,
    cancelReason: row.cancel_reason ?? undefined,
    cancelDetail: row.cancel_detail ?? undefined,
    transactionId: row.transaction_id ?? undefined,
    requeried: row.requeried,
    createTime: new Date(row.create_time),
  };
}

/** Writes each order as its last step leaves it. */
async function updateOrders(em: SqlEntityManager, steps: readonly Step[]): Promise<void> {
  const byOrder = [...Map.groupBy(steps, ({ after }) => after.orderId).values()];
  const orders = byOrder.map((ofOrder) => (ofOrder.at(-1) as Step).after);
  const standings = orders.map(({ place }) => places[place]);
  const looks = byOrder.map((ofOrder) => ofOrder.findLast(({ look }) => look !== 'keep')?.look ?? 'keep');
  await nativeQuery(
    em,
    `
    update orders set
      state = new.state, stock_released = new.stock_released, money_undone = new.money_undone,
      refunded = new.refunded, version = new.version, revision = new.revision,
      needs_attention = new.needs_attention, cancel_reason = new.cancel_reason,
      cancel_detail = new.cancel_detail, transaction_id = new.transaction_id,
      requery_time = case when new.requeried_now then now() when new.requeried then orders.requery_time end,
      deadline_time = case when new.keeps_look then orders.deadline_time
        else now() + new.look_after_ms * interval '1 millisecond' end,
      update_time = now()
    from unnest(
      $1::text[], $2::text[], $3::boolean[], $4::boolean[], $5::boolean[], $6::int[], $7::int[], $8::text[],
      $9::text[], $10::text[], $11::text[], $12::boolean[], $13::boolean[], $14::boolean[], $15::float8[]
    ) as new(
      id, state, stock_released, money_undone, refunded, version, revision, needs_attention, cancel_reason,
      cancel_detail, transaction_id, requeried, requeried_now, keeps_look, look_after_ms
    )
    where orders.id = new.id`,
    [
      orders.map(({ orderId }) => orderId),
      standings.map(({ state }) => state),
      standings.map(({ stockReleased }) => stockReleased),
      standings.map(({ moneyUndone }) => moneyUndone),
      standings.map(({ refunded }) => refunded),
      orders.map(({ version }) => version),
      orders.map(({ revision }) => revision),
      orders.map(({ needsAttention }) => needsAttention ?? null),
      orders.map(({ cancelReason }) => cancelReason ?? null),
      orders.map(({ cancelDetail }) => textOrNull(cancelDetail)),
      orders.map(({ transactionId }) => textOrNull(transactionId)),
      orders.map(({ requeried }) => requeried),
      byOrder.map((ofOrder) => ofOrder.some(({ kind }) => kind === 'requeried')),
      looks.map((look) => look === 'keep'),
      looks.map(afterMs),
    ],
  );
}

/** Texts of events come from outside. */
function textOrNull(text: string | undefined): string | null {
  return text === undefined ? null : withoutNul(text);
}

function afterMs(look: NextLook): number | null {
  return typeof look === 'object' ? look.afterMs : null;
}

async function appendHistory(em: SqlEntityManager, steps: readonly Step[], time: Date): Promise<void> {
  await nativeQuery(
    em,
    `
    insert into order_history (order_id, revision, state, cause, version, event_types, detail, create_time)
    select order_id, revision, state, cause, version, string_to_array(event_types, ','), detail, $8
    from unnest(
      $1::text[], $2::int[], $3::text[], $4::text[], $5::int[], $6::text[], $7::text[]
    ) as new(order_id, revision, state, cause, version, event_types, detail)`,
    [
      steps.map(({ after }) => after.orderId),
      steps.map(({ after }) => after.revision),
      steps.map(({ after }) => places[after.place].state),
      steps.map(({ occurrence }) => withoutNul(occurrence.cause)),
      steps.map(({ after }) => after.version),
      steps.map(({ tells }) => tells.join(',')),
      steps.map(({ detail }) => textOrNull(detail)),
      time,
    ],
  );
}

/** The events that tell a step. */
function newMessages(step: Step, time: Date): OutboxMessage[] {
  const { before, after, tells, occurrence } = step;
  const traceparent = occurrence.traceparent ?? currentTrace()?.traceparent;
  return tells.map((name, index) => {
    // The table tells decisions too; they are taken in order-store.ts.
    const event = name as SagaEventName;
    return sagaEvent(event, after, { version: before.version + 1 + index, time, traceparent });
  });
}

/** What steps have sent once more: last events, same id and same content, and submissions. */
async function repeatedMessages(em: SqlEntityManager, steps: readonly Step[]): Promise<OutboxMessage[]> {
  const requeried = steps.filter(({ kind }) => kind === 'requeried');
  const resubmitted = steps.filter(({ kind }) => kind === 'resubmitted');
  return [
    ...(requeried.length > 0 ? await lastEvents(em, requeried) : []),
    ...(resubmitted.length > 0 ? await submissions(em, resubmitted) : []),
  ];
}

async function lastEvents(em: SqlEntityManager, steps: readonly Step[]): Promise<OutboxMessage[]> {
  const rows = await nativeQuery<{
    order_id: string;
    name: string;
    time: number;
    enriched_order: Buffer | null;
  }>(
    em,
    `select distinct on (order_id) order_id, event_types[cardinality(event_types)] as name, ${millis('create_time')} as time,
       enriched_order
     from order_history where order_id = any($1::text[]) and cardinality(event_types) > 0
     order by order_id, revision desc`,
    [steps.map(({ after }) => after.orderId)],
  );
  const lastOf = new Map(rows.map((row) => [row.order_id, row]));
  return steps.map(({ before, occurrence }) => {
    const last = lastOf.get(before.orderId);
    if (last === undefined) throw new Error(`order ${before.orderId} has told nothing`);
    const telling = {
      version: before.version,
      time: new Date(last.time),
      traceparent: occurrence.traceparent ?? currentTrace()?.traceparent,
    };
    const message =
      last.enriched_order === null
        ? sagaEvent(last.name as SagaEventName, before, telling)
        : decisionEvent(decodeEnrichedOrder(last.enriched_order), telling);
    return { ...message, headers: { ...message.headers, requery: occurrence.happening } };
  });
}

async function submissions(em: SqlEntityManager, steps: readonly Step[]): Promise<OutboxMessage[]> {
  const rows = await nativeQuery<{ id: string; submission: Buffer | null; content_type: string | null }>(
    em,
    `select id, submission, submission_content_type as content_type from orders
     where id = any($1::text[]) order by id`,
    [steps.map(({ after }) => after.orderId)],
  );
  return rows.map(({ id, submission, content_type: type }) => {
    if (submission === null) throw new Error(`order ${id} is undecided and its submission is not stored`);
    return {
      topic: topics.orders,
      key: id,
      value: submission,
      headers: type === null ? {} : { 'content-type': type },
    };
  });
}
