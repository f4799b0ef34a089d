import { appendOutbox } from '@orderflow/messaging';
import { childOf, type InTransaction } from '@orderflow/runtime';
import {
  type Database,
  idempotentTransactions,
  millis,
  type Sql,
  sqlState,
  type Transaction,
} from '@orderflow/storage';
import type { Outcome } from '../../domain/input.ts';
import type { Payment } from '../../domain/payment.ts';
import type { Changes, EndedCall, PaymentTransaction } from '../../ports.ts';
import { paymentReader } from './payment-reader.ts';
import {
  type Column,
  changingColumns,
  columns,
  type SelectedPayment,
  selectedColumns,
  toPayment,
  toRow,
} from './payment-row.ts';
import { toReply } from './replies.ts';
import { deleteWaiting, insertWaiting, lockWaiting } from './waiting.ts';

const uniqueViolation = '23505';
/**
 * Each lost race means that another transaction has created the payment of one order, so that it exists the next time.
 */
const maxRaces = 5;

/** Runs changes of payments, their calls and their replies in the outbox in one Postgres transaction. */
export function paymentTransactions(database: Database, now: () => Date): InTransaction<PaymentTransaction> {
  const inTransaction = idempotentTransactions(database, now, paymentTransaction);
  return async (work) => {
    for (let races = 1; ; races++) {
      try {
        return await inTransaction(work);
      } catch (error) {
        // Two topics delivered the first event of an order at the same time: the row of the other transaction, a
        // payment or a waiting charge, has to be locked first.
        if (sqlState(error) !== uniqueViolation || races === maxRaces) throw error;
      }
    }
  };
}

function paymentTransaction(transaction: Transaction): PaymentTransaction {
  const traces = new Map<string, string>();

  async function locked(condition: string, parameters: unknown[]): Promise<Payment[]> {
    const rows = await transaction.query<SelectedPayment>(
      `select ${selectedColumns} from payment ${condition}`,
      parameters,
    );
    const payments = rows.map(toPayment);
    for (const [index, { traceparent }] of rows.entries()) {
      if (traceparent !== null) traces.set((payments[index] as Payment).orderId, traceparent);
    }
    return payments;
  }

  return {
    find: paymentReader(transaction).find,

    async lock(orderIds) {
      const payments = await locked('where order_id = any($1::text[]) order by order_id for update', [
        orderIds,
      ]);
      return new Map(payments.map((payment) => [payment.orderId, payment]));
    },

    lockWaiting: (orderIds) => lockWaiting(transaction, orderIds),

    lockDue: (now, limit) =>
      locked('where next_attempt_time <= $1 order by next_attempt_time limit $2 for update skip locked', [
        now,
        limit,
      ]),

    async nextDueTime() {
      const [row] = await transaction.query<{ time: number | null }>(
        `select ${millis('min(next_attempt_time)')} as time from payment where next_attempt_time is not null`,
      );
      return row?.time == null ? undefined : new Date(row.time);
    },

    endCalls: (ended, now) => endCalls(transaction, ended, now),

    save({ created, changed, waiting, endedWaiting, calls, replies }, now, given = new Map()) {
      const traceOf = (orderId: string) => given.get(orderId) ?? traces.get(orderId);
      const messages = replies.map((payment) => {
        const trace = traceOf(payment.orderId);
        return toReply(payment, trace === undefined ? undefined : childOf(trace));
      });
      deleteWaiting(transaction, endedWaiting);
      insertWaiting(transaction, waiting, now);
      insertPayments(transaction, created, now, given);
      updatePayments(transaction, changed, now, given);
      insertCalls(transaction, calls, now);
      appendOutbox(transaction, messages);
    },
  };
}

/** `$from::type[], …` for these columns and the trace. */
function parametersFor(written: readonly Column[], from: number): string {
  return [...written.map(({ type }) => type), 'text']
    .map((type, index) => `$${from + index}::${type}[]`)
    .join(', ');
}

/** The values of these columns and the trace, one array each. */
function valuesOf(
  written: readonly Column[],
  payments: readonly Payment[],
  traces: ReadonlyMap<string, string>,
): unknown[][] {
  const rows = payments.map(toRow);
  return [
    ...written.map(({ field }) => rows.map((row) => row[field])),
    payments.map(({ orderId }) => traces.get(orderId) ?? null),
  ];
}

/** In id order, so that two batches cannot deadlock. */
function insertPayments(
  transaction: Transaction,
  payments: readonly Payment[],
  now: Date,
  traces: ReadonlyMap<string, string>,
): void {
  if (payments.length === 0) return;
  const names = [...columns.map(({ name }) => name), 'traceparent'].join(', ');
  transaction.write(
    `insert into payment (${names}, create_time, update_time)
     select ${names}, $1, $1
     from unnest(${parametersFor(columns, 2)}) as new(${names})
     order by order_id collate "C"`,
    [now, ...valuesOf(columns, payments, traces)],
  );
}

function updatePayments(
  transaction: Transaction,
  payments: readonly Payment[],
  now: Date,
  traces: ReadonlyMap<string, string>,
): void {
  if (payments.length === 0) return;
  const names = changingColumns.map(({ name }) => name);
  transaction.write(
    `update payment set ${names.map((name) => `${name} = new.${name}`).join(', ')},
       traceparent = coalesce(new.traceparent, payment.traceparent), update_time = $1
     from unnest($2::text[], ${parametersFor(changingColumns, 3)})
       as new(order_id, ${names.join(', ')}, traceparent)
     where payment.order_id = new.order_id`,
    [now, payments.map(({ orderId }) => orderId), ...valuesOf(changingColumns, payments, traces)],
  );
}

function insertCalls(transaction: Transaction, calls: Changes['calls'], now: Date): void {
  if (calls.length === 0) return;
  // A call that was never sent is replaced by the one that is made instead: an outage may last for hours.
  transaction.write(
    `with new as (
       select * from unnest($2::text[], $3::int[], $4::text[], $5::text[]) as new(order_id, number, kind, key)
     ), unsent as (
       delete from payment_attempt using new
       where payment_attempt.order_id = new.order_id and payment_attempt.number = new.number - 1
         and payment_attempt.outcome = 'unreachable'
     )
     insert into payment_attempt (order_id, number, kind, key, detail, create_time)
     select order_id, number, kind, key, '', $1 from new`,
    [
      now,
      calls.map(({ orderId }) => orderId),
      calls.map(({ call }) => call.number),
      calls.map(({ call }) => call.kind),
      calls.map(({ call }) => call.key),
    ],
  );
}

async function endCalls(sql: Sql, ended: readonly EndedCall[], now: Date): Promise<EndedCall[]> {
  const written = await sql.query<{ order_id: string; number: number }>(
    `update payment_attempt set outcome = new.outcome, detail = new.detail, end_time = $1
     from unnest($2::text[], $3::int[], $4::text[], $5::text[]) as new(order_id, number, outcome, detail)
     where payment_attempt.order_id = new.order_id and payment_attempt.number = new.number
       and payment_attempt.end_time is null
     returning new.order_id, new.number`,
    [
      now,
      ended.map(({ orderId }) => orderId),
      ended.map(({ call }) => call.number),
      ended.map(({ outcome }) => outcome.kind),
      ended.map(({ outcome }) => detailOf(outcome)),
    ],
  );
  const isWritten = new Set(written.map(({ order_id, number }) => `${order_id}/${number}`));
  return ended.filter(({ orderId, call }) => isWritten.has(`${orderId}/${call.number}`));
}

function detailOf(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'approved':
      return outcome.transactionId;
    case 'declined':
    case 'temporarily_declined':
      return outcome.code;
    case 'refused':
    case 'unknown':
    case 'unreachable':
      return outcome.detail;
    default:
      return '';
  }
}
