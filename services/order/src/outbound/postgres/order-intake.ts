import { appendOutbox, type OutboxMessage, RecordTooLargeError } from '@orderflow/messaging';
import type { RunEachIdempotent } from '@orderflow/runtime';
import {
  byteaArray,
  type Database,
  millis,
  runEachIdempotent,
  type Sql,
  type Transaction,
  textArray,
} from '@orderflow/storage';
import { submissionMessage } from '../../codec/write-submission.ts';
import type { FullOrder } from '../../domain/order.ts';
import { orderTooLarge } from '../../domain/refusal.ts';
import type { IntakeTransaction, NewOrder } from '../../ports.ts';
import { findOrders } from './order-reader.ts';
import { storable } from './storable.ts';

/** Runs the work in one transaction; `runEachIdempotent` belongs to it. */
export type InIntakeTransaction = <T>(
  work: (transaction: IntakeTransaction, runEachIdempotent: RunEachIdempotent) => Promise<T>,
) => Promise<T>;

/**
 * Stores new orders, with their submissions and the responses, in one Postgres transaction.
 * `pendingDeadlineMs`: how long a new order may wait for its decision before it needs attention.
 */
export function createOrderIntake(
  database: Database,
  { pendingDeadlineMs, now }: { readonly pendingDeadlineMs: number; readonly now: () => Date },
): InIntakeTransaction {
  return (work) =>
    database.transaction((transaction) =>
      work(
        {
          async take(orders) {
            const createTimes = await insertPending(transaction, orders, pendingDeadlineMs);
            const existedBefore = ({ orderId }: NewOrder) => !createTimes.has(orderId);
            appendSubmissions(
              transaction,
              orders.flatMap((order) => {
                const time = createTimes.get(order.orderId);
                return time === undefined ? [] : [submissionMessage({ ...order, time })];
              }),
            );
            const stored = await findExisting(transaction, orders.filter(existedBefore));
            return orders.map((order) => {
              const time = createTimes.get(order.orderId);
              if (time !== undefined) return { isNew: true, order: asPending(order, time) };
              const before = stored.get(order.orderId);
              if (before === undefined) throw new Error(`order ${order.orderId} exists and cannot be read`);
              return { isNew: false, order: before };
            });
          },
        },
        (requests, respond) => runEachIdempotent(transaction, requests, now(), respond),
      ),
    );
}

/**
 * Inserts the orders and the first rows of their histories. Returns the creation times by id, without existing ids.
 * In id order, so that two transactions cannot deadlock.
 */
async function insertPending(
  sql: Sql,
  orders: readonly NewOrder[],
  pendingDeadlineMs: number,
): Promise<Map<string, Date>> {
  const inserted = await sql.query<{ order_id: string; create_time: number }>(
    `with taken as (
       insert into orders (
         id, customer_id, content_hash, state, version, revision, caller_id, submission, submission_content_type,
         deadline_time, create_time, update_time
       )
       select id, customer_id, content_hash, 'PENDING', 0, 1, caller_id, submission, content_type,
         now() + $7 * interval '1 millisecond', now(), now()
       from unnest($1::text[], $2::text[], $3::bytea[], $4::text[], $5::bytea[], $6::text[])
         as new(id, customer_id, content_hash, caller_id, submission, content_type)
       order by id collate "C"
       on conflict (id) do nothing
       returning id, caller_id, create_time
     )
     insert into order_history (order_id, revision, state, cause, version, create_time)
     select id, 1, 'PENDING', 'CreateOrder by ' || caller_id, 0, create_time from taken
     returning order_id, ${millis('create_time')} as create_time`,
    [
      textArray(orders.map(({ orderId }) => orderId)),
      textArray(orders.map(({ customerId }) => storable(customerId))),
      byteaArray(orders.map(({ contentHash }) => contentHash)),
      textArray(orders.map(({ callerId }) => callerId)),
      byteaArray(orders.map(({ submission }) => submission.value)),
      textArray(orders.map(({ submission }) => submission.contentType ?? null)),
      pendingDeadlineMs,
    ],
  );
  return new Map(inserted.map((row) => [row.order_id, new Date(row.create_time)]));
}

async function findExisting(sql: Sql, orders: readonly NewOrder[]): Promise<Map<string, FullOrder>> {
  if (orders.length === 0) return new Map();
  return findOrders(
    sql,
    orders.map(({ orderId }) => orderId),
  );
}

/**
 * Writes submissions into the outbox. A submission that is too large is refused, because only its sender can change it.
 * @throws Refusal MESSAGE_TOO_LARGE
 */
function appendSubmissions(transaction: Transaction, messages: readonly OutboxMessage[]): void {
  try {
    appendOutbox(transaction, messages);
  } catch (error) {
    throw error instanceof RecordTooLargeError ? orderTooLarge(error) : error;
  }
}

function asPending(
  { orderId, customerId, callerId, contentHash, submission }: NewOrder,
  createTime: Date,
): FullOrder {
  return {
    orderId,
    customerId: storable(customerId),
    state: 'PENDING',
    total: undefined,
    needsAttention: undefined,
    cancelReason: undefined,
    cancelDetail: undefined,
    transactionId: undefined,
    refunded: false,
    version: 0,
    createTime,
    updateTime: createTime,
    callerId,
    contentHash,
    decided: undefined,
    submission,
  };
}
