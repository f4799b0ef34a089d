// The one vocabulary of metric and attribute names. Names, kinds and attributes are checked where metrics are made:
// see `counter`, `histogram` and `observableGauge` in metrics.ts. /metrics shows dots as underscores and counters
// with `_total`.

export type MetricKind = 'counter' | 'histogram' | 'gauge';

/** A metric as it is declared here. `unit` is a UCUM code: `s`, `By`, or a noun in braces. */
export interface Metric<Kind extends MetricKind = MetricKind, Key extends string = string> {
  readonly kind: Kind;
  readonly name: string;
  readonly unit: string;
  readonly description: string;
  readonly attributes: readonly Key[];
}

/** What the attributes say, for people who read a dashboard. */
export const attribute = {
  api: 'Who is called: customers, products or gateway',
  cause: 'Why an order needs attention',
  code: 'The Connect code of the answer, such as ok or not_found',
  'cpu.mode': 'user or system',
  group: 'The consumer group, without the prefix of tests',
  happening: 'What happened to an order: a word of docs/order-states.md',
  kind: 'What is looked up: customer or product; what the gateway is asked to do: charge, void or refund',
  method: 'The RPC method, such as BatchGetCustomers',
  outcome: 'How it ended; the words depend on the metric',
  partition: 'The number of the partition',
  protocol: 'connect, grpc or grpc-web',
  reason: 'A reason from docs/errors.md, or of a dead letter from docs/events.md',
  result: 'hit, stale or miss',
  service: 'The full name of the RPC service',
  state: 'The state of an order afterwards; or why a payment waits: due, overdue, settling or refunding',
  stage: 'The part of a slice: enrich, decide or show',
  topic: 'The topic, without the prefix of tests',
} as const;

export const metric = {
  ordersDecided: {
    kind: 'counter',
    name: 'orderflow.orders.decided',
    unit: '{order}',
    description: 'Submissions decided: accepted, rejected, repeated, closed or conflict',
    attributes: ['outcome'],
  },
  ordersRejected: {
    kind: 'counter',
    name: 'orderflow.orders.rejected',
    unit: '{reason}',
    description: 'Reasons for which orders were rejected; one order may have several',
    attributes: ['reason'],
  },
  ordersNeedingAttention: {
    kind: 'gauge',
    name: 'orderflow.orders.needs_attention',
    unit: '{order}',
    description: 'Orders that wait for an operator',
    attributes: ['cause'],
  },
  ordersOverdue: {
    kind: 'gauge',
    name: 'orderflow.orders.overdue',
    unit: '{order}',
    description: 'Orders whose deadline was more than a minute ago and that were not looked at',
    attributes: [],
  },
  orderTransitions: {
    kind: 'counter',
    name: 'orderflow.order.transitions',
    unit: '{transition}',
    description: 'Steps of orders after their decision, by what happened and the state afterwards',
    attributes: ['state', 'happening'],
  },
  orderLatency: {
    kind: 'histogram',
    name: 'orderflow.order.latency',
    unit: 's',
    description: 'Time from the creation of an order until it was confirmed, completed or cancelled',
    attributes: ['outcome'],
  },
  stockEventsHandled: {
    kind: 'counter',
    name: 'orderflow.stock.events_handled',
    unit: '{event}',
    description:
      'Order events that stock answers to: reserved, unavailable, released, committed, told_again, already_done or contradictory',
    attributes: ['outcome'],
  },
  recordsConsumed: {
    kind: 'counter',
    name: 'orderflow.records.consumed',
    unit: '{record}',
    description: 'Records whose handling is complete',
    attributes: ['topic', 'group'],
  },
  recordsDeadLettered: {
    kind: 'counter',
    name: 'orderflow.records.dead_lettered',
    unit: '{record}',
    description: 'Records set aside because they cannot be decided',
    attributes: ['topic', 'reason'],
  },
  consumerPaused: {
    kind: 'gauge',
    name: 'orderflow.consumer.paused',
    unit: '{partition}',
    description: 'Partitions that wait for a dependency to come back',
    attributes: ['topic', 'group'],
  },
  consumerLag: {
    kind: 'gauge',
    name: 'orderflow.consumer.lag',
    unit: '{record}',
    description: 'Records between the committed offsets and the end of the assigned partitions',
    attributes: ['topic', 'group', 'partition'],
  },
  consumerOffsetsLost: {
    kind: 'counter',
    name: 'orderflow.consumer.offsets_lost',
    unit: '{partition}',
    description: 'Times a committed offset was out of range, so that records were skipped or read again',
    attributes: ['topic', 'group'],
  },
  sliceDuration: {
    kind: 'histogram',
    name: 'orderflow.slice.duration',
    unit: 's',
    description: 'Time taken by each part of handling a slice of records',
    attributes: ['group', 'stage'],
  },
  outboxPending: {
    kind: 'gauge',
    name: 'orderflow.outbox.pending',
    unit: '{event}',
    description: 'Outbox rows not yet acknowledged by the broker',
    attributes: [],
  },
  outboxRelayed: {
    kind: 'counter',
    name: 'orderflow.outbox.relayed',
    unit: '{event}',
    description: 'Outbox rows acknowledged by the broker',
    attributes: ['topic'],
  },
  outboxUnsendable: {
    kind: 'counter',
    name: 'orderflow.outbox.unsendable',
    unit: '{event}',
    description: 'Outbox rows that the broker refuses for good; kept, marked and passed over',
    attributes: ['topic'],
  },
  enrichmentCache: {
    kind: 'counter',
    name: 'orderflow.enrichment.cache',
    unit: '{lookup}',
    description: 'Lookups of customers and products in the cache',
    attributes: ['kind', 'result'],
  },
  enrichmentUpstreamCalls: {
    kind: 'counter',
    name: 'orderflow.enrichment.upstream_calls',
    unit: '{call}',
    description: 'Batch calls to the enrichment APIs: ok, unavailable or wrong_answer',
    attributes: ['kind', 'outcome'],
  },
  breakerState: {
    kind: 'gauge',
    name: 'orderflow.breaker.state',
    unit: '{state}',
    description: 'Circuit breaker: 0 closed, 1 half-open, 2 open',
    attributes: ['api'],
  },
  gatewayCalls: {
    kind: 'counter',
    name: 'orderflow.gateway.calls',
    unit: '{call}',
    description:
      'Calls to the payment gateway: approved, declined, temporarily_declined, voided, refunded, refused, unknown or unreachable',
    attributes: ['kind', 'outcome'],
  },
  paymentsWaiting: {
    kind: 'gauge',
    name: 'orderflow.payments.waiting',
    unit: '{payment}',
    description: 'Payments that wait for the payment gateway',
    attributes: ['state'],
  },
  rpcServerDuration: {
    kind: 'histogram',
    name: 'orderflow.rpc.server.duration',
    unit: 's',
    description: 'Time from the arrival of a request to the end of its answer',
    attributes: ['service', 'method', 'code', 'protocol'],
  },
  processCpuTime: {
    kind: 'counter',
    name: 'process.cpu.time',
    unit: 's',
    description: 'CPU time used by this process',
    attributes: ['cpu.mode'],
  },
  processMemory: {
    kind: 'gauge',
    name: 'process.memory.usage',
    unit: 'By',
    description: 'Resident memory of this process',
    attributes: [],
  },
  eventLoopDelay: {
    kind: 'gauge',
    name: 'nodejs.eventloop.delay.p99',
    unit: 's',
    description: 'How late the event loop was, 99th percentile since the last scrape',
    attributes: [],
  },
} as const satisfies Record<string, Metric<MetricKind, keyof typeof attribute>>;
