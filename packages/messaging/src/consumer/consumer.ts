import { setTimeout as sleep } from 'node:timers/promises';
import { type Component, crashPoint } from '@orderflow/runtime';
import type { EachBatchPayload } from 'kafkajs';
import { createDutyCycle } from '../duty-cycle.ts';
import { isKafkaOutage, messageOf } from '../kafka-error.ts';
import { createProducer } from '../producer.ts';
import { type ReceivedRecord, receivedBatch } from '../received-record.ts';
import { decodable } from '../undecodable.ts';
import type { Assignment } from './assignment.ts';
import { handleBatch, withSingleRecordFailure } from './batch.ts';
import { consumerMetrics } from './consumer-metrics.ts';
import type { BatchConsumerOptions } from './consumer-options.ts';
import { logDeadLetters, sendDeadLetters } from './dead-letters.ts';
import { createGroupMember } from './group-member.ts';
import { createGroupPoll } from './group-poll.ts';
import { withinHeaderLimit } from './header-limit.ts';
import { mergeBatches } from './merge-batches.ts';
import { createOffsetCommits } from './offset-commits.ts';
import { createPauses, type Pauses, type Position, partitionKey } from './pauses.ts';
import { skipAt } from './skips.ts';

/** A fetch with at least this many records is followed by the next one without a delay. */
const MANY_RECORDS = 50;
/** At most this much of the time is spent on fetches with fewer, of partitions that had no more. */
const smallFetches = { share: 0.25, burstMs: 30, maxPauseMs: 100 };
/** At most this many partitions are handled concurrently. */
const CONCURRENT_PARTITIONS = 32;

/**
 * Reads topics in batches of one partition each, partitions concurrently, from the beginning for a new group. Small
 * batches that arrive at the same time are merged and handled as one. The offset after a batch is committed after the
 * batch has been handled and its dead letters are acknowledged, so each record is handled at least once: at once after
 * a full batch, within 250 ms after a smaller one.
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
  const pauses = createPauses(logger);
  const dutyCycle = createDutyCycle(smallFetches);
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

  const member = createGroupMember({
    kafka,
    groupId,
    sessionTimeoutMs,
    isAnyPaused: () => topics.some((topic) => pauses.count(topic) > 0),
    onJoined(positions) {
      commits.drop();
      assign(positions);
      groupPoll.now();
    },
    onRebalance: () => void commits.flush(),
    onLeft() {
      commits.drop();
      assign([]);
    },
    onFailed(cause) {
      failure = new Error(`consumer ${groupId} has stopped permanently: ${cause.message}`, { cause });
      fail(failure);
    },
    onOffsetReset(position) {
      commits.forget(position);
      metrics.offsetsLost.add(1, { topic: position.topic, group: groupId });
      logger.error(
        { ...position },
        'the committed offset does not exist: records were deleted before they were read, or the topic was ' +
          'replaced; reading continues from the earliest record',
      );
    },
  });
  const { consumer, heartbeatMs } = member;
  const commits = createOffsetCommits({
    logger,
    onCommitted({ position, payload, next }) {
      metrics.setLag(position, BigInt(payload.batch.highWatermark) - next, performance.now());
    },
    onError: member.noteFenced,
  });

  /** Replaces the assignment. All state kept for partitions begins and ends with it. */
  function assign(positions: readonly Position[]): void {
    assigned = new Map(positions.map((position) => [partitionKey(position), position]));
    pauses.retain((position) => assigned.has(partitionKey(position)));
    metrics.assign(positions);
  }

  /** Never throws: kafkajs would restart all partitions of this fetch from the last commit (kafkajs issue 945). */
  async function eachBatch(payload: EachBatchPayload): Promise<void> {
    const { assignment } = member;
    const position = { topic: kafka.logicalName(payload.batch.topic), partition: payload.batch.partition };
    if (!assignment.isCurrent()) {
      // kafkajs finds out with its next heartbeat; until then it would deliver the same batch in a busy loop.
      await sleep(heartbeatMs);
      return;
    }
    // Fetched under an earlier assignment: kafkajs may rejoin while batches of another broker are queued.
    if (!assigned.has(partitionKey(position))) return;
    // A slow batch does not lose its partition.
    const beat = setInterval(() => void member.heartbeat(payload, assignment), heartbeatMs);
    try {
      const { pauseMs } = await dutyCycle.run(() => handleFetch(payload, position, assignment));
      if (isAllThereIs(payload.batch)) await delayNextFetch(pauseMs, assignment);
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

  /** Commits what waits, then pauses: while the partition pauses, its lag is that of the record it pauses at. */
  async function pauseAfterCommits(...[payload, position, assignment, reason]: Parameters<typeof pause>) {
    await commits.flush();
    metrics.setLag(position, BigInt(payload.batch.highWatermark) - reason.offset, performance.now());
    pause(payload, position, assignment, reason);
  }

  /**
   * Waits for `pauseMs`, and at least `minFetchDelayMs`. Records that arrive meanwhile are fetched, handled and committed
   * together, so that a consumer that falls behind has less work per record.
   */
  async function delayNextFetch(pauseMs: number, assignment: Assignment): Promise<void> {
    if (!stopping && !assignment.ending) await sleep(Math.max(pauseMs, minFetchDelayMs));
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
      await commitAndAdvance(payload, position, assignment, BigInt(fetched.lastOffset()) + 1n, true);
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
        const mayWait = done < batchSize && deadLetters.length === 0 && stop === undefined;
        if (!(await commitAndAdvance(payload, position, assignment, last + 1n, mayWait))) return;
        metrics.handled(position, { done, deadLetters, reduced });
      }
      if (stop !== undefined) {
        const { offset } = batch[done] as ReceivedRecord;
        await pauseAfterCommits(payload, position, assignment, { ...stop, offset, progressed: done > 0 });
        return;
      }
      pauses.resumed(position);
    }
    if (undecodable !== undefined) {
      const reason = { cause: undecodable.message, error: undecodable, progressed: messages.length > 0 };
      const offset = BigInt(fetched.lastOffset());
      await pauseAfterCommits(payload, position, assignment, { ...reason, offset });
    }
  }

  /** Has the offset committed, and starts the next fetch there. Returns false when the partition has been revoked. */
  async function commitAndAdvance(
    payload: EachBatchPayload,
    position: Position,
    assignment: Assignment,
    next: bigint,
    mayWait: boolean,
  ) {
    const isLasting = !stopping && !assignment.ending;
    if (!(await commits.commit({ position, payload, next }, mayWait && isLasting))) return false;
    payload.resolveOffset(String(next - 1n));
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
    if (await commitAndAdvance(payload, position, assignment, skip.to, false)) {
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
      // From now on no commit waits.
      await commits.flush();
      await consumer.disconnect();
      assign([]);
      metrics.close();
      groupPoll.close();
      await deadLetterProducer.close();
    },
    async check() {
      if (failure !== undefined) throw failure;
      if (!member.assignment.isCurrent()) throw new Error(`has not joined the consumer group ${groupId}`);
    },
  };
}

/** Whether the partition had few records, and the fetch brought all of them: large ones may fill it. */
function isAllThereIs(fetched: EachBatchPayload['batch']): boolean {
  const isFew = fetched.messages.length < MANY_RECORDS;
  return isFew && BigInt(fetched.lastOffset()) + 1n >= BigInt(fetched.highWatermark);
}
