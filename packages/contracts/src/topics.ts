/** The topics of orderflow, as described in docs/events.md. Each is prefixed with `TOPIC_PREFIX`. */
export const topics = {
  /** OrderSubmitted, or JSON; written by anyone. */
  orders: 'orders',
  /** Decisions about orders and their transitions; written by the order service only. */
  orderEvents: 'order-events',
  /** What happened to stock for orders; written by inventory only. */
  inventoryEvents: 'inventory-events',
  /** What happened to payments for orders; written by payment only. */
  paymentEvents: 'payment-events',
  /** CustomerUpdated; written by the enrichment API. */
  customerEvents: 'customer-events',
} as const;

/** The consumer groups of orderflow, each named after what it does. */
export const groups = {
  /** Decides submissions on `orders`. */
  orderWorker: 'order-worker',
  /** Advances orders by the replies of inventory and payment. */
  orderSaga: 'order-saga',
  /** Reserves, commits and releases stock. */
  inventory: 'inventory',
  /** Charges and refunds. */
  payment: 'payment',
  /** Invalidates cached customers that have changed. */
  orderCache: 'order-cache',
  /** Updates the progress in the MongoDB documents. */
  orderView: 'order-view',
  /** Counts customers' orders. */
  customers: 'customers',
  /** Mails customers about their orders. */
  notification: 'notification',
} as const;

/**
 * The first part of the names of groups with which API processes read `order-events` for watches. They commit nothing, and
 * nothing waits for them.
 */
export const watchGroup = 'watch';

/** They only invalidate the cache, and mail customers: a system may run without them. */
export const optionalGroups: readonly string[] = [groups.orderCache, groups.notification];

/** Which group reads which topic. */
export const readers = [
  [topics.orders, groups.orderWorker],
  [topics.orderEvents, groups.inventory],
  [topics.orderEvents, groups.payment],
  [topics.orderEvents, groups.orderView],
  [topics.orderEvents, groups.customers],
  [topics.orderEvents, groups.notification],
  [topics.inventoryEvents, groups.orderSaga],
  [topics.inventoryEvents, groups.payment],
  [topics.paymentEvents, groups.orderSaga],
  [topics.customerEvents, groups.orderCache],
] as const;

/**
 * The header of an event of `order-events` that was published before: the order service waits for a reply, and its
 * value says because of what.
 */
export const requeryHeader = 'requery';

/** The topic for the dead letters of `group` from `topic`. */
export function deadLetterTopic(topic: string, group: string): string {
  return `${topic}.${group}.dlq`;
}
