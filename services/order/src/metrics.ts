import type { Metric } from '@orderflow/runtime';

/** The metrics of the order service. */
export const metric = {
  ordersDecided: {
    kind: 'counter',
    name: 'orderflow.orders.decided',
    unit: '{order}',
    description: 'Submissions decided: accepted, rejected, repeated, closed or conflict',
    attributes: { outcome: 'The outcome of the submission' },
  },
  ordersRejected: {
    kind: 'counter',
    name: 'orderflow.orders.rejected',
    unit: '{reason}',
    description: 'Reasons for which orders were rejected; one order may have several',
    attributes: { reason: 'A rejection reason from docs/errors.md' },
  },
  ordersNeedingAttention: {
    kind: 'gauge',
    name: 'orderflow.orders.needs_attention',
    unit: '{order}',
    description: 'Orders that wait for an operator',
    attributes: { cause: 'Why an order needs attention' },
  },
  ordersOverdue: {
    kind: 'gauge',
    name: 'orderflow.orders.overdue',
    unit: '{order}',
    description: 'Orders whose deadline passed more than a minute ago without a deadline check',
    attributes: {},
  },
  orderTransitions: {
    kind: 'counter',
    name: 'orderflow.order.transitions',
    unit: '{transition}',
    description: 'Transitions of orders after their decision, by input and resulting state',
    attributes: {
      state: 'The state of an order after the transition',
      input: 'The input that an order was given: a word of docs/order-states.md',
    },
  },
  orderLatency: {
    kind: 'histogram',
    name: 'orderflow.order.latency',
    unit: 's',
    description: 'Time from the creation of an order until it was confirmed, completed or cancelled',
    attributes: { outcome: 'confirmed, completed or cancelled' },
  },
  batchDuration: {
    kind: 'histogram',
    name: 'orderflow.batch.duration',
    unit: 's',
    description: 'Time taken by each part of handling a batch of records',
    attributes: {
      group: 'The consumer group, without TOPIC_PREFIX',
      stage: 'The part of handling a batch: enrich, decide or show',
    },
  },
  enrichmentCache: {
    kind: 'counter',
    name: 'orderflow.enrichment.cache',
    unit: '{lookup}',
    description: 'Lookups of customers and products in the cache',
    attributes: { kind: 'The kind of lookup: customer or product', result: 'hit, stale or miss' },
  },
  enrichmentUpstreamCalls: {
    kind: 'counter',
    name: 'orderflow.enrichment.upstream_calls',
    unit: '{call}',
    description: 'Batch calls to the enrichment APIs: ok, unavailable or invalid_response',
    attributes: { kind: 'The kind of lookup: customer or product', outcome: 'The outcome of the call' },
  },
  watchers: {
    kind: 'gauge',
    name: 'orderflow.watch.watchers',
    unit: '{watch}',
    description: 'Watches that are open: calls of WatchOrder and WatchOrders',
    attributes: {},
  },
  watchSilence: {
    kind: 'gauge',
    name: 'orderflow.watch.silence',
    unit: 's',
    description: 'Time since Kafka last responded to the reader of watches; absent while there are none',
    attributes: {},
  },
} as const satisfies Record<string, Metric>;
