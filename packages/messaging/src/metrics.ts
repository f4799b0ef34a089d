import type { Metric } from '@orderflow/runtime';

const topic = 'The topic, without TOPIC_PREFIX';
const group = 'The consumer group, without TOPIC_PREFIX';

/** The metrics of consumers and of the relay. */
export const metric = {
  recordsConsumed: {
    kind: 'counter',
    name: 'orderflow.records.consumed',
    unit: '{record}',
    description: 'Records that have been handled',
    attributes: { topic, group },
  },
  recordsDeadLettered: {
    kind: 'counter',
    name: 'orderflow.records.dead_lettered',
    unit: '{record}',
    description: 'Records dead-lettered because they can never be handled',
    attributes: { topic, reason: 'A reason of a dead letter from docs/events.md' },
  },
  deadLettersReduced: {
    kind: 'counter',
    name: 'orderflow.dead_letters.reduced',
    unit: '{record}',
    description:
      'Dead letters that the broker refused whole and that hold a digest instead of headers or value',
    attributes: { topic },
  },
  consumerPaused: {
    kind: 'gauge',
    name: 'orderflow.consumer.paused',
    unit: '{partition}',
    description: 'Partitions that wait for an unavailable dependency',
    attributes: { topic, group },
  },
  consumerLag: {
    kind: 'gauge',
    name: 'orderflow.consumer.lag',
    unit: '{record}',
    description: 'Records between the committed offsets and the end of the assigned partitions',
    attributes: { topic, group, partition: 'The number of the partition' },
  },
  consumerOffsetsLost: {
    kind: 'counter',
    name: 'orderflow.consumer.offsets_lost',
    unit: '{partition}',
    description: 'Times a committed offset was out of range, so that records were skipped or read again',
    attributes: { topic, group },
  },
  outboxPending: {
    kind: 'gauge',
    name: 'orderflow.outbox.pending',
    unit: '{event}',
    description: 'Outbox rows not yet acknowledged by the broker',
    attributes: {},
  },
  outboxRelayed: {
    kind: 'counter',
    name: 'orderflow.outbox.relayed',
    unit: '{event}',
    description: 'Outbox rows acknowledged by the broker',
    attributes: { topic },
  },
  outboxUnsendable: {
    kind: 'counter',
    name: 'orderflow.outbox.unsendable',
    unit: '{event}',
    description: 'Outbox rows that the broker permanently refuses; kept, marked and skipped',
    attributes: { topic },
  },
} as const satisfies Record<string, Metric>;
