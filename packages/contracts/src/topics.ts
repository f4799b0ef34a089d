/** The topics of orderflow, as docs/events.md describes them. `TOPIC_PREFIX` goes in front of each. */
export const topics = {
  /** OrderSubmitted, or JSON; written by anyone. */
  orders: 'orders',
  /** What happened to orders; written by the order service only. */
  orderEvents: 'order-events',
  /** What became of stock for orders; written by inventory only. */
  inventoryEvents: 'inventory-events',
  /** What became of payments for orders; written by payment only. */
  paymentEvents: 'payment-events',
  /** CustomerUpdated; written by the enrichment API. */
  customerEvents: 'customer-events',
} as const;

/** The consumer groups of orderflow, each named after what it does. */
export const groups = {
  /** Decides what arrives on `orders`. */
  orderWorker: 'order-worker',
  /** Moves orders on by what stock and payment say. */
  orderSaga: 'order-saga',
  /** Reserves, commits and releases stock. */
  inventory: 'inventory',
  /** Charges and gives back. */
  payment: 'payment',
  /** Drops cached customers that have changed. */
  orderCache: 'order-cache',
  /** Keeps the progress of the MongoDB documents. */
  orderView: 'order-view',
} as const;

/** Which group reads which topic. */
export const readers = [
  [topics.orders, groups.orderWorker],
  [topics.orderEvents, groups.inventory],
  [topics.orderEvents, groups.payment],
  [topics.orderEvents, groups.orderView],
  [topics.inventoryEvents, groups.orderSaga],
  [topics.inventoryEvents, groups.payment],
  [topics.paymentEvents, groups.orderSaga],
  [topics.customerEvents, groups.orderCache],
] as const;

/** The topic of the dead letters that `group` sets aside while it reads `topic`. */
export function deadLetterTopic(topic: string, group: string): string {
  return `${topic}.${group}.dlq`;
}
