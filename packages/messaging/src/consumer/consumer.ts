import { setTimeout as sleep } from 'node:timers/promises';
import { type Component, crashPoint } from '@orderflow/runtime';
import type { Consumer, EachBatchPayload } from 'kafkajs';
import { isFenced, isKafkaOutage, kafkaErrorType, messageOf } from '../kafka-error.ts';
import { createProducer } from '../producer.ts';
import { type ReceivedRecord, receivedBatch } from '../received-record.ts';
import { DEFAULT_MAX_MESSAGE_BYTES } from '../topics/topic-spec.ts';
import { decodable } from '../undecodable.ts';
import { type Assignment, createAssignments } from './assignment.ts';
import { handleBatch, withSingleRecordFailure } from './batch.ts';
import { coalesceCommits } from './coalesce-commits.ts';
import { consumerMetrics } from './consumer-metrics.ts';
import type { BatchConsumerOptions } from './consumer-options.ts';
import { logDeadLetters, sendDeadLetters } from './dead-letters.ts';
import { createGroupPoll } from './group-poll.ts';
import { withinHeaderLimit } from './header-limit.ts';
import { mergeBatches } from './merge-batches.ts';
import { createPauses, type Pauses, type Position, partitionKey } from './pauses.ts';
import { skipAt } from './skips.ts';

/** How long the broker keeps an empty fetch open; stopping and resuming after a pause wait for it. */
const MAX_FETCH_WAIT_MS = 250;
/** Fits the largest record that a topic takes by default and a second one whose success shows that the first is bad. */
const FETCH_BYTES_PER_PARTITION = 2 * DEFAULT_MAX_MESSAGE_BYTES;
/** A fetch with at least this many records is followed by the next one without a delay. */
const MANY_RECORDS = 50;
const MAX_FETCH_DELAY_MS = 50;
const REBALANCE_TIMEOUT_MS = 60_000;
/** The maximum age of metadata; new partitions are found through it. */
const METADATA_MAX_AGE_MS = 10_000;
/** At most this many partitions are handled concurrently. */
const CONCURRENT_PARTITIONS = 32;

/**
 * Reads topics in batches of one partition each, partitions concurrently, from the beginning for a new group. Small
 * batches that arrive at the same time are merged and handled as one. The offset after a batch is committed after the
 * batch has been handled and its dead letters are acknowledged, so each record is handled at least once.
 *
 * While records cannot be handled (an outage, or a `retryFrom`), their partition pauses, 100 ms to 5 s between
 * attempts, and no record is dead-lettered because of it. A record whose handling throws is dead-lettered only while
 * others succeed. Stopping finishes and commits the batches in flight.
 */
export function createBatchConsumer(options: BatchConsumerOptions): Component {
  const { kafka, groupId, topics, isOutage, meter } = options;
  const { batchSize = 500, sessionTimeoutMs = 30_000, minFetchDelayMs = 0 } = options;
  const handle = withinHeaderLimit(options.handle);
  const handleMerged = mergeBatches(handle, { isOutage, batchSize });
  const logger = options.logger.child({ group: groupId });
  const heartbeatMs = sessionTimeoutMs / 10;
  const assignments = createAssignments(sessionTimeoutMs);
  const pauses = createPauses(logger);
  const metrics = consumerMetrics(meter, { group: groupId, topics, pausedPartitions: pauses.count });
  const groupPoll = createGroupPoll({
    kafka,
    groupId,
    logger,
    assigned: () => assigned,
    onLag: metrics.setLag,
  });
  const deadLetterProducer = createProducer(kafka);
  const { promise: failed, resolve: fail } = Promise.withResolvers<Error>();
  let assigned: ReadonlyMap<string, Position> = new Map();
  let failure: Error | undefined;
  let stopping = false;

  const consumer = kafka
    .client({
      onOffsetReset(physicalTopic, partition) {
        const topic = kafka.logicalName(physicalTopic);
        metrics.offsetsLost.add(1, { topic, group: groupId });
        logger.error(
          { topic, partition },
          'the committed offset does not exist: records were deleted before they were read, or the topic was ' +
            'replaced; reading continues from the earliest record',
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
      metadataMaxAge: METADATA_MAX_AGE_MS,
      allowAutoTopicCreation: false,
    });
  const commit = coalesceCommits(noteFenced);
  let heartbeatSentAt = 0;
  watch(consumer);

  function watch({ on, events }: Consumer): void {
    on(events.REQUEST, ({ payload }) => {
      if (payload.apiName === 'Heartbeat') heartbeatSentAt = payload.sentAt;
    });
    // The time it was sent, not the time its response was read: the process may have been frozen in between.
    on(events.HEARTBEAT, () => assignments.confirmed(heartbeatSentAt));
    on(events.GROUP_JOIN, ({ payload }) => {
      assignments.joined();
      assign(
        Object.entries(payload.memberAssignment).flatMap(([topic, partitions]) =>
          partitions.map((partition) => ({ topic: kafka.logicalName(topic), partition })),
        ),
      );
      groupPoll.now();
    });
    on(events.REBALANCING, assignments.lost);
    on(events.STOP, assignments.lost);
    on(events.CRASH, ({ payload }) => {
      assignments.lost();
      assign([]);
      if (payload.restart) return;
      failure = new Error(`consumer ${groupId} has stopped permanently: ${payload.error.message}`, {
        cause: payload.error,
      });
      fail(failure);
    });
  }

  /** Replaces the assignment. All state kept for partitions begins and ends with it. */
  function assign(positions: readonly Position[]): void {
    assigned = new Map(positions.map((position) => [partitionKey(position), position]));
    pauses.retain((position) => assigned.has(partitionKey(position)));
    metrics.assign(positions);
  }

  /** Never throws: kafkajs would restart all partitions of this fetch from the last commit (kafkajs issue 945). */
  async function eachBatch(payload: EachBatchPayload): Promise<void> {
    const assignment = assignments.current;
    const position = { topic: kafka.logicalName(payload.batch.topic), partition: payload.batch.partition };
    if (!assignment.isCurrent()) {
      // kafkajs finds out with its next heartbeat; until then it would deliver the same batch in a busy loop.
      await sleep(heartbeatMs);
      return;
    }
    // Fetched under an earlier assignment: kafkajs may rejoin while batches of another broker are queued.
    if (!assigned.has(partitionKey(position))) return;
    const beat = setInterval(() => void heartbeat(payload, assignment), heartbeatMs);
    const began = performance.now();
    try {
      await handleFetch(payload, position, assignment);
      if (payload.batch.messages.length < MANY_RECORDS)
        await delayNextFetch(performance.now() - began, assignment);
    } catch (error) {
      const offset = BigInt(payload.batch.firstOffset() ?? payload.batch.lastOffset());
      pause(payload, position, assignment, { offset, cause: messageOf(error), error, progressed: false });
    } finally {
      clearInterval(beat);
    }
  }

  /** Pauses a partition, unless it has been revoked: a pause of a revoked partition would never end. */
  function pause(
    { pause: hold }: EachBatchPayload,
    position: Position,
    assignment: Assignment,
    reason: Parameters<Pauses['pause']>[1],
  ): void {
    if (assignment.isCurrent()) pauses.pause(position, reason, hold);
  }

  /**
   * Waits as long as the work took, at most 50 ms, and at least `minFetchDelayMs`. Records that arrive meanwhile are
   * fetched, handled and committed together, so that a consumer that falls behind has less work per record.
   */
  async function delayNextFetch(workedMs: number, assignment: Assignment): Promise<void> {
    if (!stopping && !assignment.ending)
      await sleep(Math.max(Math.min(workedMs, MAX_FETCH_DELAY_MS), minFetchDelayMs));
  }

  /** Runs concurrently with the handler, so that a slow batch does not lose its partition. */
  async function heartbeat(payload: EachBatchPayload, assignment: Assignment): Promise<void> {
    // Called for its side effect: it aborts the signal once the session has expired.
    assignment.isCurrent();
    try {
      await payload.heartbeat();
    } catch (error) {
      noteFenced(error);
      if (kafkaErrorType(error) !== 'REBALANCE_IN_PROGRESS') return;
      // The group is rebalancing: the partitions stay ours, and their offsets count, until this consumer rejoins.
      assignments.confirmed(heartbeatSentAt);
      assignments.ending();
    }
  }

  function noteFenced(error: unknown): void {
    if (isFenced(error)) assignments.lost();
  }

  async function handleFetch(
    payload: EachBatchPayload,
    position: Position,
    assignment: Assignment,
  ): Promise<void> {
    const { batch: fetched } = payload;
    const { messages, undecodable } = decodable(position.topic, position.partition, fetched.messages);
    if (await applySkip(payload, position, assignment)) return;
    // Control records and aborted records of transactions, which no handler ever sees.
    if (fetched.messages.length === 0)
      await commitAndAdvance(payload, position, assignment, BigInt(fetched.lastOffset()) + 1n);
    let batch: ReceivedRecord[];
    for (let start = 0; start < messages.length; start += batch.length) {
      if (stopping || assignment.ending || !assignment.isCurrent()) return;
      // One batch at a time: a fetch is thousands of records, and converted ones that wait cost garbage collection.
      batch = receivedBatch(position.topic, position.partition, messages, { start, maxRecords: batchSize });
      crashPoint('consumer-after-fetch');
      const outcome = await handleBatch(batch, { handle, handleMerged, isOutage, context: assignment });
      if (!assignment.isCurrent()) return;
      if (outcome.storesHealthy) pauses.storesHealthy();
      const { done, deadLetters, stop } = withSingleRecordFailure(batch, outcome, pauses.hasFailedEnough);

      if (done > 0) {
        const reduced = await sendDeadLetters(deadLetterProducer, groupId, deadLetters);
        logDeadLetters(logger, deadLetters);
        if (!assignment.isCurrent()) return;
        // More control records may follow the last record of a fetch.
        const isWholeFetch = start + done === fetched.messages.length;
        const last = isWholeFetch ? BigInt(fetched.lastOffset()) : (batch[done - 1] as ReceivedRecord).offset;
        if (!(await commitAndAdvance(payload, position, assignment, last + 1n))) return;
        metrics.handled(position, { done, deadLetters, reduced });
      }
      if (stop !== undefined) {
        const next = (batch[done] as ReceivedRecord).offset;
        metrics.setLag(position, BigInt(fetched.highWatermark) - next, performance.now());
        pause(payload, position, assignment, { ...stop, offset: next, progressed: done > 0 });
        return;
      }
      pauses.resumed(position);
    }
    if (undecodable !== undefined) {
      const offset = BigInt(fetched.lastOffset());
      metrics.setLag(position, BigInt(fetched.highWatermark) - offset, performance.now());
      const reason = { cause: undecodable.message, error: undecodable, progressed: messages.length > 0 };
      pause(payload, position, assignment, { ...reason, offset });
    }
  }

  /** Commits, and starts the next fetch there. Returns false when the partition has been revoked. */
  async function commitAndAdvance(
    payload: EachBatchPayload,
    position: Position,
    assignment: Assignment,
    next: bigint,
  ) {
    crashPoint('consumer-before-commit');
    if (!(await commit({ payload, assignment, offset: next }))) return false;
    payload.resolveOffset(String(next - 1n));
    metrics.setLag(position, BigInt(payload.batch.highWatermark) - next, performance.now());
    return true;
  }

  /** Skips what an operator has told the group to skip, if the fetch begins with it. */
  async function applySkip(
    payload: EachBatchPayload,
    position: Position,
    assignment: Assignment,
  ): Promise<boolean> {
    const skip = skipAt(groupPoll.skips(position.topic), position.partition, payload.batch.messages);
    if (skip === undefined) return false;
    if (await commitAndAdvance(payload, position, assignment, skip.to)) {
      const offsets = { offset: String(skip.from), next_offset: String(skip.to) };
      logger.warn({ ...position, ...offsets }, 'records skipped by an operator; they are dead letters');
      pauses.resumed(position);
    }
    return true;
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
      assign([]);
      metrics.close();
      groupPoll.close();
      await deadLetterProducer.close();
    },
    async check() {
      if (failure !== undefined) throw failure;
      if (!assignments.current.isCurrent()) throw new Error(`has not joined the consumer group ${groupId}`);
    },
  };
}
