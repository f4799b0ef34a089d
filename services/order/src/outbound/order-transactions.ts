import type { MikroORM, SqlEntityManager } from '@mikro-orm/postgresql';
import { topics } from '@orderflow/contracts';
import { OrderSubmittedSchema } from '@orderflow/contracts/orderflow/order/event/v1/order_submitted';
import { appendOutbox, eventHeaders } from '@orderflow/messaging';
import { currentTrace, type InTransaction } from '@orderflow/runtime';
import { answerOnce, nativeQuery } from '@orderflow/storage';
import type { OrderInFull } from '../domain/order.ts';
import type { NewOrder, OrderTransaction } from '../ports.ts';
import { millis } from './millis.ts';
import { findOrder } from './order-reader.ts';
import { sagaTransaction } from './saga-transaction.ts';
import { storable } from './storable.ts';

/**
 * What callers do to orders, with the events and the answers given, in one Postgres transaction.
 * `pendingDeadlineMs`: how long a new order may wait for its decision before somebody is told.
 */
export function createOrderTransactions(
  orm: MikroORM,
  options: { readonly pendingDeadlineMs: number; readonly currency: string; readonly now: () => Date },
): InTransaction<OrderTransaction> {
  const { pendingDeadlineMs, currency, now } = options;
  return (work) =>
    orm.em.fork().transactional((em) =>
      work(
        {
          ...sagaTransaction(em, currency),
          find: (orderId) => findOrder(em, orderId),
          take: (order) => take(em, order, pendingDeadlineMs),
        },
        (request, answer) => answerOnce(em, request, now(), answer),
      ),
    );
}

async function take(
  em: SqlEntityManager,
  order: NewOrder,
  pendingDeadlineMs: number,
): ReturnType<OrderTransaction['take']> {
  const createTime = await insertPending(em, order, pendingDeadlineMs);
  if (createTime !== undefined) {
    await appendSubmission(em, order, createTime);
    return { isNew: true, order: asTaken(order, createTime) };
  }
  const stored = await findOrder(em, order.orderId);
  if (stored === undefined) throw new Error(`order ${order.orderId} is there and cannot be read`);
  return { isNew: false, order: stored };
}

/** Inserts the order and the first row of its history. Answers when; undefined when its id is taken. */
async function insertPending(
  em: SqlEntityManager,
  { orderId, customerId, callerId, contentHash, submission }: NewOrder,
  pendingDeadlineMs: number,
): Promise<Date | undefined> {
  const [inserted] = await nativeQuery<{ create_time: number }>(
    em,
    `with taken as (
       insert into orders (
         id, customer_id, content_hash, state, version, revision, caller_id, submission, submission_content_type,
         deadline_time, create_time, update_time
       )
       values ($1, $2, $3, 'PENDING', 0, 1, $4, $5, $6, now() + $7 * interval '1 millisecond', now(), now())
       on conflict (id) do nothing
       returning id, create_time
     )
     insert into order_history (order_id, revision, state, cause, version, create_time)
     select id, 1, 'PENDING', $8, 0, create_time from taken
     returning ${millis('create_time')} as create_time`,
    [
      orderId,
      storable(customerId),
      contentHash,
      callerId,
      submission.value,
      submission.contentType,
      pendingDeadlineMs,
      `CreateOrder by ${callerId}`,
    ],
  );
  return inserted && new Date(inserted.create_time);
}

/** There is one submission of an order, so that its event is the same however often it is sent. */
async function appendSubmission(em: SqlEntityManager, order: NewOrder, time: Date): Promise<void> {
  const { orderId, submission } = order;
  const traceparent = currentTrace()?.traceparent;
  const headers = eventHeaders(OrderSubmittedSchema, {
    id: `${orderId}/submitted`,
    source: '/orderflow/order',
    subject: orderId,
    time,
    ...(traceparent !== undefined && { traceparent }),
  });
  await appendOutbox(em, [{ topic: topics.orders, key: orderId, value: submission.value, headers }]);
}

function asTaken(
  { orderId, customerId, callerId, contentHash, submission }: NewOrder,
  createTime: Date,
): OrderInFull {
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
