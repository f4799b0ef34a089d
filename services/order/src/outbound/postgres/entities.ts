import { defineEntity, p } from '@mikro-orm/postgresql';
import { appendOnlyTrigger } from '@orderflow/storage';

/** Ids sort by their bytes on every server, not by the rules of a language. */
const idCollation = 'C';

/** Table `orders`: the row on which everything about an order is decided. */
export const OrderRow = defineEntity({
  name: 'Order',
  tableName: 'orders',
  properties: {
    id: p.text().primary().collation(idCollation),
    customerId: p.text(),
    /** Identifies a repeat of the order. */
    contentHash: p.blob(),
    state: p.text(),
    /** The number of events of this order written to `order-events`. */
    version: p.integer(),
    /** The number of rows of its history. */
    revision: p.integer(),
    /** Why it needs attention; null when it does not. */
    needsAttention: p.text().nullable(),
    /** The amount to pay, in minor units; from its acceptance on. */
    total: p.bigint().nullable(),
    /** Why it is or was cancelled; the first reason remains. */
    cancelReason: p.text().nullable(),
    /** The caller's reason for the cancellation, what was short, or the decline code. */
    cancelDetail: p.text().nullable(),
    /** The marks of CANCELLING: with both set, the order is CANCELLED. */
    stockReleased: p.boolean().default(false),
    moneyUndone: p.boolean().default(false),
    /** The gateway's id of the charge. */
    transactionId: p.text().nullable(),
    /** Whether the whole amount was refunded after completion. */
    refunded: p.boolean().default(false),
    /** When the order's deadline fires if nothing has happened until then; null when nothing is awaited. */
    deadlineTime: p.datetime(3).nullable(),
    /** When its last event was republished; null before that, and again after every transition. */
    requeryTime: p.datetime(3).nullable(),
    /** The caller that created it by RPC; null for an order from Kafka only. */
    callerId: p.text().nullable(),
    /** The record to be decided, until it is; see RetryOrder. */
    submission: p.blob().nullable(),
    submissionContentType: p.text().nullable(),
    createTime: p.datetime(3),
    updateTime: p.datetime(3),
  },
  indexes: [
    { name: 'orders_customer', properties: ['customerId', 'createTime', 'id'] },
    { name: 'orders_state_create_time', properties: ['state', 'createTime', 'id'] },
    { name: 'orders_create_time', properties: ['createTime', 'id'] },
    { name: 'orders_deadline', properties: ['deadlineTime'], where: 'deadline_time is not null' },
    { name: 'orders_attention', properties: ['updateTime'], where: 'needs_attention is not null' },
    {
      name: 'orders_attention_create_time',
      properties: ['createTime', 'id'],
      where: 'needs_attention is not null',
    },
  ],
});

/** Table `order_history`: one transition of an order, with its time, state and cause. Append-only. */
export const OrderHistoryRow = defineEntity({
  name: 'OrderHistory',
  tableName: 'order_history',
  properties: {
    orderId: p.text().primary().collation(idCollation),
    revision: p.integer().primary(),
    state: p.text(),
    /** The record or event that caused it, as topic/partition/offset. */
    cause: p.text(),
    /** The number of events of the order after this transition. */
    version: p.integer(),
    /** The events that publish this transition, in order; the last one has the id `<order id>/<version>`. */
    eventTypes: p.array().columnType('text[]').default([]),
    /** Further information for people. */
    detail: p.text().nullable(),
    /** The enriched order as protobuf bytes, on the row of the decision. */
    enrichedOrder: p.blob().nullable(),
    createTime: p.datetime(3),
  },
  triggers: [appendOnlyTrigger('order_history')],
});
