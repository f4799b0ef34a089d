export { type BatchConsumerOptions, createBatchConsumer } from './consumer.ts';
export type { SetAside } from './dead-letters.ts';
export {
  type EncodedEvent,
  type Envelope,
  type EventAbout,
  encodeEvent,
  eventHeaders,
  readEnvelope,
} from './envelope.ts';
export { type ClientOptions, createKafka, type Kafka } from './kafka.ts';
export {
  appendOutbox,
  type OutboxMessage,
  outboxMigration,
  type RelayStatus,
  relayStatus,
} from './outbox.ts';
export { createProducer, type OutgoingRecord, type Producer } from './producer.ts';
export { GroupBusyError, type RangesContext, type ReadRangesOptions, readRanges } from './read-ranges.ts';
export type { ReceivedRecord } from './received-record.ts';
export { createRelay, type RelayOptions } from './relay.ts';
export type { SliceContext, SliceHandler, SliceResult } from './slice.ts';
export { deadLetterSpec, ensureTopics, eventSpec, type TopicSpec } from './topic-admin.ts';
export { type OffsetRange, openTopicOffsets, type TopicOffsets } from './topic-offsets.ts';
export { topicsComponent } from './topics-component.ts';
