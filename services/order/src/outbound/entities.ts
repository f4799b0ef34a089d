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
    createTime: p.datetime(3),
    updateTime: p.datetime(3),
  },
  indexes: [
    { name: 'orders_customer', properties: ['customerId', 'createTime', 'id'] },
    { name: 'orders_state', properties: ['state', 'updateTime'] },
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
    /** The enriched order as protobuf bytes, on the row of the decision. */
    enrichedOrder: p.blob().nullable(),
    createTime: p.datetime(3),
  },
});
