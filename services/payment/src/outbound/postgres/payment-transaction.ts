import type { MikroORM, SqlEntityManager } from '@mikro-orm/postgresql';
import { appendOutbox } from '@orderflow/messaging';
import { childOf, type InTransaction } from '@orderflow/runtime';
import { answerOnce, nativeQuery } from '@orderflow/storage';
import type { Outcome } from '../../domain/input.ts';
import type { Payment } from '../../domain/payment.ts';
import type { Changes, EndedCall, PaymentTransaction } from '../../ports.ts';
import { toAnswer } from './answers.ts';
import { paymentReader } from './payment-reader.ts';
import { toPayment } from './payment-row.ts';
import { tablesOf } from './tables.ts';

const uniqueViolation = '23505';
/** Each time somebody else must have made the payment of one of the orders, so that it is there the next time. */
const mostRaces = 5;

/** Changes to payments, the calls made for them, their answers in the outbox: in one Postgres transaction. */
export function paymentTransactions(orm: MikroORM, now: () => Date): InTransaction<PaymentTransaction> {
  return async (work) => {
    for (let races = 1; ; races++) {
      try {
        return await orm.em
          .fork()
          .transactional((em) =>
            work(paymentTransaction(em), (request, answer) => answerOnce(em, request, now(), answer)),
          );
      } catch (error) {
        // Two topics brought the first event of an order at the same time: the row of the other is to be locked.
        if (codeOf(error) !== uniqueViolation || races === mostRaces) throw error;
      }
    }
  };
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function paymentTransaction(em: SqlEntityManager): PaymentTransaction {
  const tables = tablesOf(em);
  const traces = new Map<string, string>();

  type Row = Parameters<typeof toPayment>[0];
  function taken(rows: readonly Row[]): Payment[] {
    for (const { orderId, traceparent } of rows) if (traceparent !== null) traces.set(orderId, traceparent);
    return rows.map(toPayment);
  }

  return {
    find: paymentReader(() => em).find,

    async lock(orderIds) {
      const rows = await tables
        .selectFrom('payment')
        .selectAll()
        .where('orderId', '=', ({ fn, val }) => fn.any(val(orderIds)))
        .orderBy('orderId')
        .forUpdate()
        .execute();
      return new Map(taken(rows).map((payment) => [payment.orderId, payment]));
    },

    async lockDue(now, limit) {
      const rows = await tables
        .selectFrom('payment')
        .selectAll()
        .where('nextAttemptTime', '<=', now)
        .orderBy('nextAttemptTime')
        .limit(limit)
        .forUpdate()
        .skipLocked()
        .execute();
      return taken(rows);
    },

    async nextDueTime() {
      const row = await tables
        .selectFrom('payment')
        .select('nextAttemptTime')
        .where('nextAttemptTime', 'is not', null)
        .orderBy('nextAttemptTime')
        .limit(1)
        .executeTakeFirst();
      return row?.nextAttemptTime ?? undefined;
    },

    endCalls: (ended, now) => endCalls(em, ended, now),

    async save({ created, changed, calls, answers }, now, given = new Map()) {
      const traceOf = (orderId: string) => given.get(orderId) ?? traces.get(orderId);
      await insertPayments(em, created, now, given);
      await updatePayments(em, changed, now, given);
      await insertCalls(em, calls, now);
      await appendOutbox(
        em,
        answers.map(({ kind, payment }) => {
          const trace = traceOf(payment.orderId);
          return toAnswer(kind, payment, trace === undefined ? undefined : childOf(trace));
        }),
      );
    },
  };
}

/** The columns that rules change, and what they hold of a payment. */
const changing: readonly [name: string, type: string, value: (payment: Payment) => unknown][] = [
  ['state', 'text', ({ state }) => state],
  ['cancel_requested', 'boolean', ({ cancelRequested }) => cancelRequested],
  ['completed', 'boolean', ({ completed }) => completed],
  ['key_number', 'int', ({ keyNumber }) => keyNumber],
  ['tries', 'int', ({ tries }) => tries],
  ['unknown', 'int', ({ unknown }) => unknown],
  ['attempts', 'int', ({ attempts }) => attempts],
  ['transaction_id', 'text', ({ transactionId }) => transactionId],
  ['fail_reason', 'text', ({ failReason }) => failReason ?? null],
  ['decline_code', 'text', ({ declineCode }) => declineCode],
  ['refund_reason', 'text', ({ refundReason }) => refundReason],
  ['refund_caller_id', 'text', ({ refundCallerId }) => refundCallerId],
  ['refund_time', 'timestamptz', ({ refundTime }) => refundTime ?? null],
  ['problem', 'text', ({ problem }) => problem],
  ['refused_call', 'int', ({ refusedCall }) => refusedCall],
  ['settle_reason', 'text', ({ settleReason }) => settleReason],
  ['settle_caller_id', 'text', ({ settleCallerId }) => settleCallerId],
  ['settle_time', 'timestamptz', ({ settleTime }) => settleTime ?? null],
  ['next_attempt_time', 'timestamptz', ({ nextAttemptTime }) => nextAttemptTime ?? null],
  ['answer_time', 'timestamptz', ({ answerTime }) => answerTime ?? null],
];
const changingNames = [...changing.map(([name]) => name), 'traceparent'];

/** The values of {@link changingNames}, an array for each. */
function changingValues(payments: readonly Payment[], traces: ReadonlyMap<string, string>): unknown[][] {
  return [
    ...changing.map(([, , value]) => payments.map(value)),
    payments.map(({ orderId }) => traces.get(orderId) ?? null),
  ];
}

/** `$from::type[], …` for {@link changingNames}. */
function changingParameters(from: number): string {
  const types = [...changing.map(([, type]) => type), 'text'];
  return types.map((type, index) => `$${from + index}::${type}[]`).join(', ');
}

/** In id order, so that two slices cannot lock each other out. */
async function insertPayments(
  em: SqlEntityManager,
  payments: readonly Payment[],
  now: Date,
  traces: ReadonlyMap<string, string>,
): Promise<void> {
  if (payments.length === 0) return;
  const names = `order_id, customer_id, amount, currency, ${changingNames.join(', ')}`;
  await nativeQuery(
    em,
    `insert into payment (${names}, create_time, update_time)
     select ${names}, $1, $1
     from unnest($2::text[], $3::text[], $4::bigint[], $5::text[], ${changingParameters(6)}) as new(${names})
     order by order_id`,
    [
      now,
      payments.map(({ orderId }) => orderId),
      payments.map(({ customerId }) => customerId),
      payments.map(({ amount }) => amount),
      payments.map(({ currency }) => currency),
      ...changingValues(payments, traces),
    ],
  );
}

async function updatePayments(
  em: SqlEntityManager,
  payments: readonly Payment[],
  now: Date,
  traces: ReadonlyMap<string, string>,
): Promise<void> {
  if (payments.length === 0) return;
  const assignments = changingNames.map((name) =>
    name === 'traceparent'
      ? 'traceparent = coalesce(new.traceparent, payment.traceparent)'
      : `${name} = new.${name}`,
  );
  await nativeQuery(
    em,
    `update payment set ${assignments.join(', ')}, update_time = $1
     from unnest($2::text[], ${changingParameters(3)}) as new(order_id, ${changingNames.join(', ')})
     where payment.order_id = new.order_id`,
    [now, payments.map(({ orderId }) => orderId), ...changingValues(payments, traces)],
  );
}

async function insertCalls(em: SqlEntityManager, calls: Changes['calls'], now: Date): Promise<void> {
  if (calls.length === 0) return;
  // A call that was never sent leaves its place to the one that is made instead: an outage may last for hours.
  await nativeQuery(
    em,
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

async function endCalls(em: SqlEntityManager, ended: readonly EndedCall[], now: Date): Promise<EndedCall[]> {
  const written = await nativeQuery<{ order_id: string; number: number }>(
    em,
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
