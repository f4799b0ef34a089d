export { registerCodecs } from './compression.ts';
export type { BatchContext, BatchHandler, BatchResult } from './consumer/batch.ts';
export { createBatchConsumer } from './consumer/consumer.ts';
export type { BatchConsumerOptions } from './consumer/consumer-options.ts';
export { type DeadLetter, sendDeadLetters, sendUndecodableLetter } from './consumer/dead-letters.ts';
export { readBatch } from './consumer/read-batch.ts';
export { type Skip, skipGroup, skipMetadata } from './consumer/skips.ts';
export { contentDigest } from './content-digest.ts';
export {
  type EncodedEvent,
  type Envelope,
  type EventAbout,
  encodeEvent,
  eventHeaders,
  readEnvelope,
} from './envelope.ts';
export { type ClientOptions, createKafka, type Kafka } from './kafka.ts';
export { isPermanentRefusal } from './kafka-error.ts';
export {
  appendOutbox,
  notifyRelays,
  type OutboxMessage,
  outboxMigration,
  outboxSendableMigration,
  type RelayStatus,
  relayStatus,
} from './outbox/outbox.ts';
export { MAX_RECORD_BYTES, RecordTooLargeError, recordBytes } from './outbox/record-size.ts';
export { createRelay, type RelayOptions } from './outbox/relay.ts';
export { packRecord, unpackRecord } from './packed-record.ts';
export { partitionOf } from './partition.ts';
export { createProducer, type OutgoingRecord, type Producer } from './producer.ts';
export type { ReceivedRecord } from './received-record.ts';
export { commitExclusively, type ExclusiveMemberOptions, GroupBusyError } from './topics/exclusive-member.ts';
export { type FollowTopicOptions, followTopic, type TopicFollower } from './topics/follow-topic.ts';
export { type RangesContext, type ReadRangesOptions, readRanges } from './topics/read-ranges.ts';
export { ensureTopics } from './topics/topic-admin.ts';
export {
  connectTopicOffsets,
  lagsOf,
  type OffsetRange,
  openTopicOffsets,
  type TopicOffsets,
  type TopicOffsetsConnection,
} from './topics/topic-offsets.ts';
export {
  DEFAULT_PARTITIONS,
  deadLetterSpec,
  eventSpec,
  settingsOf,
  type TopicSpec,
} from './topics/topic-spec.ts';
export { topicsComponent } from './topics/topics-component.ts';
export { UndecodableBatchError } from './undecodable.ts';
