import { defineEntity, p } from '@mikro-orm/postgresql';

/** Ids sort the same everywhere: by their bytes, not by the rules of a language. */
const idCollation = 'C';

/** Table `orders`: the row that everything about an order is decided on. */
export const OrderRow = defineEntity({
  name: 'Order',
  tableName: 'orders',
  properties: {
    id: p.text().primary().collation(idCollation),
    customerId: p.text(),
    /** What makes a repeat of the order the same order. */
    contentHash: p.blob(),
    state: p.text(),
    /** How many events of this order were written to `order-events`. */
    version: p.integer(),
    /** How many rows its history has. */
    revision: p.integer(),
    /** Why a person has to look at it; null when nobody has to. */
    needsAttention: p.text().nullable(),
    /** What is to be paid, in minor units; from its acceptance on. */
    total: p.bigint().nullable(),
    /** Why it is or was cancelled; the first reason stays. */
    cancelReason: p.text().nullable(),
    /** What whoever cancelled it said, or what was short, or the decline code. */
    cancelDetail: p.text().nullable(),
    /** The marks of CANCELLING: both set, and the order is CANCELLED. */
    stockReleased: p.boolean().default(false),
    moneyUndone: p.boolean().default(false),
    /** The gateway's name for the charge. */
    transactionId: p.text().nullable(),
    /** Whether the whole amount was given back after completion. */
    refunded: p.boolean().default(false),
    /** When the order is looked at if nothing has happened until then; null when nothing is awaited. */
    deadlineTime: p.datetime(3).nullable(),
    /** When its last event was told once more; null before that, and again after every transition. */
    requeryTime: p.datetime(3).nullable(),
    /** Who created it by RPC; null for an order that came by Kafka only. */
    callerId: p.text().nullable(),
    /** The record that asks for its decision, while there is none; see RetryOrder. */
    submission: p.blob().nullable(),
    submissionContentType: p.text().nullable(),
    createTime: p.datetime(3),
    updateTime: p.datetime(3),
  },
  indexes: [
    { name: 'orders_customer', properties: ['customerId', 'createTime', 'id'] },
    { name: 'orders_state', properties: ['state', 'updateTime'] },
    { name: 'orders_create_time', properties: ['createTime', 'id'] },
    { name: 'orders_deadline', properties: ['deadlineTime'], where: 'deadline_time is not null' },
    { name: 'orders_attention', properties: ['updateTime'], where: 'needs_attention is not null' },
  ],
});

/** Table `order_history`: one transition of an order, when, to which state, why. Never changed, never deleted. */
export const OrderHistoryRow = defineEntity({
  name: 'OrderHistory',
  tableName: 'order_history',
  properties: {
    orderId: p.text().primary().collation(idCollation),
    revision: p.integer().primary(),
    state: p.text(),
    /** The record or event that caused it, as topic/partition/offset. */
    cause: p.text(),
    /** How many events the order has told after this transition. */
    version: p.integer(),
    /** The events that tell this transition, in order; the last one has the id `<order id>/<version>`. */
    eventTypes: p.array().columnType('text[]').default([]),
    /** What else is worth knowing, for a person. */
    detail: p.text().nullable(),
    /** The enriched order as protobuf bytes, on the row of the decision. */
    enrichedOrder: p.blob().nullable(),
    createTime: p.datetime(3),
  },
});
