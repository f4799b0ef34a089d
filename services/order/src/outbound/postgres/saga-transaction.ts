import { requeryHeader } from '@orderflow/contracts';
import { appendOutbox, type OutboxMessage } from '@orderflow/messaging';
import { currentTrace } from '@orderflow/runtime';
import { millis, type Sql, type Transaction } from '@orderflow/storage';
import { resubmissionMessage } from '../../codec/write-submission.ts';
import { type CancelReason, type OrderState, sagaStateOf, sagaStates } from '../../domain/saga.ts';
import type { SagaInput, SagaOrder, Transition } from '../../domain/transition.ts';
import type { SagaTransaction } from '../../ports.ts';
import { decisionEvent, type SagaEventName, sagaEvent } from '../kafka/order-event.ts';
import { type DueRow, dueColumns, toDueOrder } from './due-orders.ts';
import { decodeEnrichedOrder } from './enriched-order-codec.ts';
import { textOrNull } from './storable.ts';
import { afterMs, appendHistory, type TimedTransition } from './transition-rows.ts';

/** The columns of `orders` that the saga uses. */
const sagaColumns = `${millis('greatest(now(), update_time)')} as time, id, customer_id, state, version, revision, needs_attention, total,
  cancel_reason, cancel_detail, stock_released, money_undone, transaction_id, refunded, requery_time is not null as requeried,
  ${millis('create_time')} as create_time`;

/** A row of these columns. */
interface SagaRow {
  /** The time of transitions that this transaction writes: by the database's clock, never before the last one. */
  readonly time: number;
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

/** The saga's part of a transaction. `currency`: the currency of stored totals. */
export function sagaTransaction(transaction: Transaction, currency: string): SagaTransaction {
  const times = new Map<string, Date>();
  function toOrders(rows: readonly SagaRow[]): SagaOrder[] {
    for (const { id, time } of rows) times.set(id, new Date(time));
    return rows.map((row) => toSagaOrder(row, currency));
  }

  return {
    async lock(orderIds, ownedBy) {
      const rows = await transaction.query<SagaRow>(
        `select ${sagaColumns} from orders
         where id = any($1::text[]) and ($2::text is null or customer_id = $2) order by id for update`,
        [orderIds, ownedBy ?? null],
      );
      return new Map(toOrders(rows).map((order) => [order.orderId, order]));
    },

    async lockDue(orderIds, before) {
      const rows = await transaction.query<SagaRow & DueRow>(
        `select ${sagaColumns}, ${dueColumns} from orders
         where id = any($1::text[]) and deadline_time < $2 order by id for update skip locked`,
        [orderIds, before],
      );
      return toOrders(rows).map((order, index) => ({ order, due: toDueOrder(rows[index] as DueRow) }));
    },

    async write(transitions) {
      if (transitions.length === 0) return;
      const timed = transitions.map((transition): TimedTransition => {
        const time = times.get(transition.after.orderId);
        if (time === undefined)
          throw new Error(`a transition of order ${transition.after.orderId}, which is not locked`);
        return { ...transition, time };
      });
      // Before the history is written: the last event is the one before these transitions.
      const repeats = await republishedMessages(transaction, transitions);
      const messages = [...timed.flatMap(newMessages), ...repeats];
      updateOrders(transaction, transitions);
      appendHistory(transaction, timed);
      appendOutbox(transaction, messages);
    },
  };
}

/** Converts a row. */
function toSagaOrder(row: SagaRow, currency: string): SagaOrder {
  return {
    orderId: row.id,
    customerId: row.customer_id,
    sagaState: sagaStateOf({
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

/** Updates each order to the state after its last transition. */
function updateOrders(transaction: Transaction, transitions: readonly Transition[]): void {
  const byOrder = [...Map.groupBy(transitions, ({ after }) => after.orderId).values()];
  const orders = byOrder.map((ofOrder) => (ofOrder.at(-1) as Transition).after);
  const marks = orders.map(({ sagaState }) => sagaStates[sagaState]);
  const nextDeadlines = byOrder.map(
    (ofOrder) => ofOrder.findLast(({ nextDeadline }) => nextDeadline !== 'keep')?.nextDeadline ?? 'keep',
  );
  transaction.write(
    `
    update orders set
      state = new.state, stock_released = new.stock_released, money_undone = new.money_undone,
      refunded = new.refunded, version = new.version, revision = new.revision,
      needs_attention = new.needs_attention, cancel_reason = new.cancel_reason,
      cancel_detail = new.cancel_detail, transaction_id = new.transaction_id,
      requery_time = case when new.requeried_now then now() when new.requeried then orders.requery_time end,
      deadline_time = case when new.keeps_deadline then orders.deadline_time
        else now() + new.deadline_after_ms * interval '1 millisecond' end,
      update_time = greatest(now(), orders.update_time)
    from unnest(
      $1::text[], $2::text[], $3::boolean[], $4::boolean[], $5::boolean[], $6::int[], $7::int[], $8::text[],
      $9::text[], $10::text[], $11::text[], $12::boolean[], $13::boolean[], $14::boolean[], $15::float8[]
    ) as new(
      id, state, stock_released, money_undone, refunded, version, revision, needs_attention, cancel_reason,
      cancel_detail, transaction_id, requeried, requeried_now, keeps_deadline, deadline_after_ms
    )
    where orders.id = new.id`,
    [
      orders.map(({ orderId }) => orderId),
      marks.map(({ state }) => state),
      marks.map(({ stockReleased }) => stockReleased),
      marks.map(({ moneyUndone }) => moneyUndone),
      marks.map(({ refunded }) => refunded),
      orders.map(({ version }) => version),
      orders.map(({ revision }) => revision),
      orders.map(({ needsAttention }) => needsAttention ?? null),
      orders.map(({ cancelReason }) => cancelReason ?? null),
      orders.map(({ cancelDetail }) => textOrNull(cancelDetail)),
      orders.map(({ transactionId }) => textOrNull(transactionId)),
      orders.map(({ requeried }) => requeried),
      byOrder.map((ofOrder) => ofOrder.some(({ kind }) => kind === 'requeried')),
      nextDeadlines.map((nextDeadline) => nextDeadline === 'keep'),
      nextDeadlines.map(afterMs),
    ],
  );
}

/** The events that publish a transition. */
function newMessages({ before, after, publishes, input, time }: TimedTransition): OutboxMessage[] {
  const traceparent = input.traceparent ?? currentTrace()?.traceparent;
  return publishes.map((name, index) => {
    // The table has decisions too; order-store.ts publishes those.
    const event = name as SagaEventName;
    return sagaEvent(event, after, { version: before.version + 1 + index, time, traceparent });
  });
}

/** The messages that transitions republish: last events, with the same id and content, and submissions. */
async function republishedMessages(sql: Sql, transitions: readonly Transition[]): Promise<OutboxMessage[]> {
  const requeried = transitions.filter(({ kind }) => kind === 'requeried');
  const reserved = requeried.filter(({ before }) => before.sagaState === 'RESERVED');
  const resubmitted = transitions.filter(({ kind }) => kind === 'resubmitted');
  return [
    ...(reserved.length > 0 ? await acceptances(sql, reserved) : []),
    ...(requeried.length > 0 ? await lastEvents(sql, requeried) : []),
    ...(resubmitted.length > 0 ? await submissions(sql, resubmitted) : []),
  ];
}

/**
 * OrderAccepted of orders that wait for their payment: it needs it to charge, and a payment process of an earlier
 * version may have read it without storing it.
 */
async function acceptances(sql: Sql, transitions: readonly Transition[]): Promise<OutboxMessage[]> {
  const rows = await sql.query<{ order_id: string; version: number; enriched_order: Buffer }>(
    `select order_id, version, enriched_order from order_history
     where order_id = any($1::text[]) and enriched_order is not null`,
    [transitions.map(({ after }) => after.orderId)],
  );
  const rowOf = new Map(rows.map((row) => [row.order_id, row]));
  return transitions.map(({ before, input }) => {
    const row = rowOf.get(before.orderId);
    if (row === undefined) throw new Error(`order ${before.orderId} was never accepted`);
    const traceparent = input.traceparent ?? currentTrace()?.traceparent;
    const order = decodeEnrichedOrder(row.enriched_order);
    return withRequeryHeader(decisionEvent(order, { version: row.version, traceparent }), input);
  });
}

/** Adds the header `requery`: participants that have replied to the event reply again. */
function withRequeryHeader(message: OutboxMessage, { kind }: SagaInput): OutboxMessage {
  return { ...message, headers: { ...message.headers, [requeryHeader]: kind } };
}

async function lastEvents(sql: Sql, transitions: readonly Transition[]): Promise<OutboxMessage[]> {
  const rows = await sql.query<{
    order_id: string;
    name: string;
    time: number;
    enriched_order: Buffer | null;
  }>(
    `select distinct on (order_id) order_id, event_types[cardinality(event_types)] as name, ${millis('create_time')} as time,
       enriched_order
     from order_history where order_id = any($1::text[]) and cardinality(event_types) > 0
     order by order_id, revision desc`,
    [transitions.map(({ after }) => after.orderId)],
  );
  const lastOf = new Map(rows.map((row) => [row.order_id, row]));
  return transitions.map(({ before, input }) => {
    const last = lastOf.get(before.orderId);
    if (last === undefined) throw new Error(`order ${before.orderId} has published nothing`);
    const metadata = {
      version: before.version,
      time: new Date(last.time),
      traceparent: input.traceparent ?? currentTrace()?.traceparent,
    };
    const message =
      last.enriched_order === null
        ? sagaEvent(last.name as SagaEventName, before, metadata)
        : decisionEvent(decodeEnrichedOrder(last.enriched_order), metadata);
    return withRequeryHeader(message, input);
  });
}

async function submissions(sql: Sql, transitions: readonly Transition[]): Promise<OutboxMessage[]> {
  const rows = await sql.query<{ id: string; submission: Buffer | null; content_type: string | null }>(
    `select id, submission, submission_content_type as content_type from orders
     where id = any($1::text[]) order by id`,
    [transitions.map(({ after }) => after.orderId)],
  );
  return rows.map(({ id, submission, content_type: type }) => {
    if (submission === null) throw new Error(`order ${id} is undecided and its submission is not stored`);
    return resubmissionMessage(id, { value: submission, contentType: type ?? undefined });
  });
}
