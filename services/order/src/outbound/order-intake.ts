import type { MikroORM, SqlEntityManager } from '@mikro-orm/postgresql';
import { topics } from '@orderflow/contracts';
import { OrderSubmittedSchema } from '@orderflow/contracts/orderflow/order/event/v1/order_submitted';
import { appendOutbox, eventHeaders, type OutboxMessage } from '@orderflow/messaging';
import type { AnswerEachOnce } from '@orderflow/runtime';
import { answerEachOnce, byteaArray, millis, nativeQuery, textArray } from '@orderflow/storage';
import type { OrderInFull } from '../domain/order.ts';
import type { IntakeTransaction, NewOrder } from '../ports.ts';
import { findOrders } from './order-reader.ts';
import { storable } from './storable.ts';

/** Runs the work in one transaction; `answerEachOnce` belongs to it. */
export type InIntakeTransaction = <T>(
  work: (transaction: IntakeTransaction, answerEachOnce: AnswerEachOnce) => Promise<T>,
) => Promise<T>;

/**
 * Takes orders, with their submissions and the answers given, in one Postgres transaction.
 * `pendingDeadlineMs`: how long a new order may wait for its decision before somebody is told.
 */
export function createOrderIntake(
  orm: MikroORM,
  { pendingDeadlineMs, now }: { readonly pendingDeadlineMs: number; readonly now: () => Date },
): InIntakeTransaction {
  return (work) =>
    orm.em.fork().transactional((em) =>
      work(
        {
          async take(orders) {
            const createTimes = await insertPending(em, orders, pendingDeadlineMs);
            const isTaken = ({ orderId }: NewOrder) => !createTimes.has(orderId);
            await appendOutbox(
              em,
              orders.flatMap((order) => submissionOf(order, createTimes.get(order.orderId))),
            );
            const stored = await findTaken(em, orders.filter(isTaken));
            return orders.map((order) => {
              const time = createTimes.get(order.orderId);
              if (time !== undefined) return { isNew: true, order: asTaken(order, time) };
              const before = stored.get(order.orderId);
              if (before === undefined) throw new Error(`order ${order.orderId} is there and cannot be read`);
              return { isNew: false, order: before };
            });
          },
        },
        (requests, answers) => answerEachOnce(em, requests, now(), answers),
      ),
    );
}

/**
 * Inserts the orders and the first rows of their histories. Answers when, by id; an id that is taken is absent.
 * In id order, so that two transactions cannot lock each other out.
 */
async function insertPending(
  em: SqlEntityManager,
  orders: readonly NewOrder[],
  pendingDeadlineMs: number,
): Promise<Map<string, Date>> {
  const inserted = await nativeQuery<{ order_id: string; create_time: number }>(
    em,
    `with taken as (
       insert into orders (
         id, customer_id, content_hash, state, version, revision, caller_id, submission, submission_content_type,
         deadline_time, create_time, update_time
       )
       select id, customer_id, content_hash, 'PENDING', 0, 1, caller_id, submission, content_type,
         now() + $7 * interval '1 millisecond', now(), now()
       from unnest($1::text[], $2::text[], $3::bytea[], $4::text[], $5::bytea[], $6::text[])
         as new(id, customer_id, content_hash, caller_id, submission, content_type)
       order by id
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

async function findTaken(
  em: SqlEntityManager,
  orders: readonly NewOrder[],
): Promise<Map<string, OrderInFull>> {
  if (orders.length === 0) return new Map();
  return findOrders(
    em,
    orders.map(({ orderId }) => orderId),
  );
}

/** There is one submission of an order, so that its event is the same however often it is sent. */
function submissionOf(order: NewOrder, time: Date | undefined): OutboxMessage[] {
  if (time === undefined) return [];
  const { orderId, submission, traceparent } = order;
  const headers = eventHeaders(OrderSubmittedSchema, {
    id: `${orderId}/submitted`,
    source: '/orderflow/order',
    subject: orderId,
    time,
    ...(traceparent !== undefined && { traceparent }),
  });
  return [{ topic: topics.orders, key: orderId, value: submission.value, headers }];
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
