import { setTimeout as sleep } from 'node:timers/promises';
import { type Component, crashPoint, type Logger, type Meter } from '@orderflow/runtime';
import type { Consumer, EachBatchPayload } from 'kafkajs';
import { consumerMetrics } from './consumer-metrics.ts';
import { sendDeadLetters } from './dead-letters.ts';
import { joinedSlices } from './joined-slices.ts';
import { jointCommits } from './joint-commits.ts';
import type { Kafka } from './kafka.ts';
import { isFenced, isKafkaOutage, kafkaErrorType, messageOf } from './kafka-error.ts';
import { createPauses, type Position } from './pauses.ts';
import { createProducer } from './producer.ts';
import { type ReceivedRecord, receivedRecord } from './received-record.ts';
import { handleSlice, processingFailed, type SliceHandler, type SliceOutcome } from './slice.ts';
import { createTenures, type Tenure } from './tenure.ts';
import { DEFAULT_MAX_MESSAGE_BYTES } from './topic-admin.ts';

/** How long the broker keeps an empty fetch open; a stop and the end of a pause wait for it. */
const MAX_FETCH_WAIT_MS = 250;
/** Room for a record as large as a topic takes by default, and for another one behind it that can be its witness. */
const FETCH_BYTES_PER_PARTITION = 2 * DEFAULT_MAX_MESSAGE_BYTES;
/** A fetch that brought so many records is followed by the next at once. */
const MANY_RECORDS = 50;
const MAX_REST_MS = 50;
const REBALANCE_TIMEOUT_MS = 60_000;
/** More partitions than this wait for each other. */
const CONCURRENT_PARTITIONS = 32;

export interface BatchConsumerOptions {
  readonly kafka: Kafka;
  /** Without the prefix; also in the names of the dead-letter topics. */
  readonly groupId: string;
  /** Without the prefix. They and their dead-letter topics must exist. */
  readonly topics: readonly string[];
  readonly handle: SliceHandler;
  /** Whether an error that `handle` throws means that a dependency is away, so that the records are not to blame. */
  readonly isOutage: (error: unknown) => boolean;
  readonly logger: Logger;
  readonly meter: Meter;
  /** The largest number of records handled at once. With 1 no record has a neighbour. */
  readonly sliceSize?: number;
  /** How long the partitions of a process that died stay blocked. */
  readonly sessionTimeoutMs?: number;
  /** How long to wait at least, after a fetch that brought little, for what nobody is waiting for. */
  readonly leastRestMs?: number;
}

/**
 * Reads topics in slices of one partition each, partitions side by side, from the beginning for a new group. Small
 * slices that come together are handled as one. The offset after a slice is committed once the slice is handled and its
 * dead letters are acknowledged, so each record is handled at least once.
 *
 * While records cannot be handled (an outage, or a `stopBefore`) their partition pauses, 100 ms to 5 s between tries,
 * and no record is set aside for it. A record whose handling throws is set aside only while others are handled. Stopping
 * finishes and commits the slices that are running.
 */
export function createBatchConsumer(options: BatchConsumerOptions): Component {
  const { kafka, groupId, topics, handle, isOutage, meter } = options;
  const { sliceSize = 500, sessionTimeoutMs = 30_000, leastRestMs = 0 } = options;
  const handleWhole = joinedSlices(handle, { isOutage, sliceSize });
  const logger = options.logger.child({ group: groupId });
  const heartbeatMs = sessionTimeoutMs / 10;
  const tenures = createTenures(sessionTimeoutMs);
  const pauses = createPauses(logger);
  const metrics = consumerMetrics(meter, { group: groupId, topics, pausedPartitions: pauses.count });
  const deadLetters = createProducer(kafka);
  const { promise: failed, resolve: fail } = Promise.withResolvers<Error>();
  let failure: Error | undefined;
  let stopping = false;

  const consumer = kafka
    .client({
      onOffsetReset(physicalTopic, partition) {
        const topic = kafka.logicalName(physicalTopic);
        metrics.offsetsLost.add(1, { topic, group: groupId });
        logger.error(
          { topic, partition },
          'the committed offset does not exist any more: records were deleted before they were read, or the topic was ' +
            'replaced; reading goes on from the earliest record there is',
        );
      },
    })
    .consumer({
      groupId: kafka.physicalName(groupId),
      sessionTimeout: sessionTimeoutMs,
      rebalanceTimeout: Math.max(REBALANCE_TIMEOUT_MS, sessionTimeoutMs),
      heartbeatInterval: heartbeatMs,
      maxWaitTimeInMs: MAX_FETCH_WAIT_MS,
      maxBytesPerPartition: FETCH_BYTES_PER_PARTITION,
      allowAutoTopicCreation: false,
    });
  const commit = jointCommits(noteFenced);
  let heartbeatSentAt = 0;
  watch(consumer);

  function watch({ on, events }: Consumer): void {
    on(events.REQUEST, ({ payload }) => {
      if (payload.apiName === 'Heartbeat') heartbeatSentAt = payload.sentAt;
    });
    // When it was sent, not when its answer was read: the process may have been frozen in between.
    on(events.HEARTBEAT, () => tenures.confirmed(heartbeatSentAt));
    on(events.GROUP_JOIN, ({ payload }) => {
      tenures.joined();
      const assigned = payload.memberAssignment;
      const isOurs = ({ topic, partition }: Position) =>
        assigned[kafka.physicalName(topic)]?.includes(partition) ?? false;
      pauses.retain(isOurs);
      metrics.retain(isOurs);
    });
    on(events.REBALANCING, tenures.lost);
    on(events.STOP, tenures.lost);
    on(events.CRASH, ({ payload }) => {
      // kafkajs starts again with nothing paused.
      tenures.lost();
      pauses.retain(() => false);
      if (payload.restart) return;
      failure = new Error(`consumer ${groupId} has stopped for good: ${payload.error.message}`, {
        cause: payload.error,
      });
      fail(failure);
    });
  }

  /** Never throws: kafkajs would start all partitions of this fetch again from the last commit (its issue 945). */
  async function eachBatch(payload: EachBatchPayload): Promise<void> {
    const tenure = tenures.current;
    if (!tenure.isCurrent()) {
      // kafkajs finds out with its next heartbeat; until then it would hand out the same batch without a break.
      await sleep(heartbeatMs);
      return;
    }
    const beat = setInterval(() => void heartbeat(payload, tenure), heartbeatMs);
    const began = performance.now();
    try {
      await handleBatch(payload, tenure);
      if (payload.batch.messages.length < MANY_RECORDS) await rest(performance.now() - began, tenure);
    } catch (error) {
      const position = { topic: kafka.logicalName(payload.batch.topic), partition: payload.batch.partition };
      pauses.pause(position, { cause: messageOf(error), error, progressed: false }, payload.pause);
    } finally {
      clearInterval(beat);
    }
  }

  /**
   * As long as the work took, at most: what comes meanwhile is fetched, handled and committed together, so that a
   * consumer that falls behind has less to do for each record.
   */
  async function rest(workedMs: number, tenure: Tenure): Promise<void> {
    if (!stopping && !tenure.ending) await sleep(Math.max(Math.min(workedMs, MAX_REST_MS), leastRestMs));
  }

  /** Runs beside the handler, so that a slow slice does not lose its partition. */
  async function heartbeat(payload: EachBatchPayload, tenure: Tenure): Promise<void> {
    // For its effect: aborts the signal when the session is over.
    tenure.isCurrent();
    try {
      await payload.heartbeat();
    } catch (error) {
      noteFenced(error);
      if (kafkaErrorType(error) !== 'REBALANCE_IN_PROGRESS') return;
      // The group waits for us: the partitions stay ours, and their offsets count, until we join anew.
      tenures.confirmed(heartbeatSentAt);
      tenures.ending();
    }
  }

  function noteFenced(error: unknown): void {
    if (isFenced(error)) tenures.lost();
  }

  async function handleBatch(payload: EachBatchPayload, tenure: Tenure): Promise<void> {
    const { batch } = payload;
    const position = { topic: kafka.logicalName(batch.topic), partition: batch.partition };
    const { messages } = batch;
    for (let start = 0; start < messages.length; start += sliceSize) {
      if (stopping || tenure.ending || !tenure.isCurrent()) return;
      // Slice by slice: a fetch is thousands of records, and what waits would be moved about by every collection.
      const slice = messages
        .slice(start, start + sliceSize)
        .map((message) => receivedRecord(position.topic, position.partition, message));
      crashPoint('consumer-after-fetch');
      const outcome = await handleSlice(slice, { handle, handleWhole, isOutage, context: tenure });
      if (!tenure.isCurrent()) return;
      if (outcome.proven) pauses.proven();
      const { done, setAside, stop } = withLoneFailure(slice, outcome);

      if (done > 0) {
        await sendDeadLetters(deadLetters, groupId, setAside);
        if (!tenure.isCurrent()) return;
        // After the last record of a fetch may come marks of transactions, which no handler ever sees.
        const isWholeBatch = start + done === messages.length;
        const last = isWholeBatch ? BigInt(batch.lastOffset()) : (slice[done - 1] as ReceivedRecord).offset;
        crashPoint('consumer-before-commit');
        if (!(await commit({ payload, tenure, offset: last + 1n }))) return;
        payload.resolveOffset(String(last));
        metrics.handled(position, { done, setAside, lag: BigInt(batch.highWatermark) - last - 1n });
      } else {
        const first = slice[0] as ReceivedRecord;
        metrics.handled(position, { done, setAside, lag: BigInt(batch.highWatermark) - first.offset });
      }
      if (stop !== undefined) {
        pauses.pause(position, { ...stop, progressed: done > 0 }, payload.pause);
        return;
      }
      pauses.over(position);
    }
  }

  /** A record alone in its slice has no neighbours that could succeed; other partitions have to show that it is it. */
  function withLoneFailure(slice: ReceivedRecord[], outcome: SliceOutcome): SliceOutcome {
    const [record] = slice;
    if (slice.length !== 1 || record === undefined || outcome.stop?.failing !== true) return outcome;
    if (!pauses.hasFailedEnough(record)) return outcome;
    return { done: 1, setAside: [processingFailed(record, outcome.stop.error)], proven: false };
  }

  return {
    name: `consumer ${groupId}`,
    failed,
    isOutage: isKafkaOutage,
    async start() {
      await consumer.connect();
      await consumer.subscribe({ topics: topics.map(kafka.physicalName), fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: CONCURRENT_PARTITIONS,
        eachBatch,
      });
    },
    async stop() {
      stopping = true;
      await consumer.disconnect();
      pauses.retain(() => false);
      metrics.close();
      await deadLetters.close();
    },
    async check() {
      if (failure !== undefined) throw failure;
      if (!tenures.current.isCurrent()) throw new Error(`has not joined the consumer group ${groupId}`);
    },
  };
}
