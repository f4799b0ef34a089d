import { randomUUID } from 'node:crypto';
import type { Consumer, ConsumerGroupJoinEvent, EachBatchPayload } from 'kafkajs';
import type { Kafka } from '../kafka.ts';
import { type ReceivedRecord, receivedBatch } from '../received-record.ts';
import { decodable, type UndecodableBatchError } from '../undecodable.ts';
import { groupTaken, isMembershipOver, waitUntilFree } from './exclusive-member.ts';
import type { OffsetRange } from './topic-offsets.ts';

export interface RangesContext {
  /** Aborts when the caller's signal does, and when the group is lost: stop reading. */
  readonly signal: AbortSignal;
  /** Commits the offset of the next record to read, for the group. */
  commit(next: bigint): Promise<void>;
}

export interface ReadRangesOptions {
  readonly kafka: Kafka;
  /** Without the prefix. */
  readonly topic: string;
  readonly ranges: readonly OffsetRange[];
  /**
   * Called with the records of one partition in order, a fetch or a part of one at a time, one call after the other.
   */
  readonly handle: (records: readonly ReceivedRecord[], context: RangesContext) => void | Promise<void>;
  /**
   * Called with a batch that cannot be decoded, after the records before it are handled; reading then continues behind
   * it. Without it such a batch ends the reading: it stays on its topic for as long as records are retained.
   */
  readonly onUndecodable?: (batch: UndecodableBatchError) => void;
  /**
   * Without the prefix. Reads as the only member of this group, so that two processes never do so at the same time;
   * offsets are committed only by `commit`, and reading starts where the ranges say. Without a group nothing is
   * committed.
   */
  readonly group?: string;
  /** How long the group stays blocked when this process is killed, in milliseconds. */
  readonly sessionTimeoutMs?: number;
  /** Called once when another member is in the group, before waiting for it to leave. */
  readonly onGroupBusy?: () => void;
  readonly signal?: AbortSignal;
}

/**
 * Reads parts of a topic once.
 * @throws errors of `handle`; {@link UndecodableBatchError} of a range without `onUndecodable`; {@link GroupBusyError};
 *   the reason of the signal; errors that make Kafka unreadable.
 */
export async function readRanges(options: ReadRangesOptions): Promise<void> {
  const { kafka, topic, handle, onUndecodable, group, sessionTimeoutMs = 30_000 } = options;
  const open = new Map(
    options.ranges.filter(({ from, to }) => from < to).map((range) => [range.partition, range]),
  );
  if (open.size === 0) return;
  const ranges = [...open.values()];
  const groupId = kafka.physicalName(group ?? `reader.${randomUUID()}`);
  const heartbeatMs = sessionTimeoutMs / 10;
  const consumer = kafka.client({ retries: 5 }).consumer({
    groupId,
    sessionTimeout: sessionTimeoutMs,
    heartbeatInterval: heartbeatMs,
    maxWaitTimeInMs: 100,
    allowAutoTopicCreation: false,
  });

  const stop = new AbortController();
  const { promise: finished, resolve: finish } = Promise.withResolvers<void>();
  function fail(error: unknown): void {
    if (open.size === 0) return;
    stop.abort(group !== undefined && isMembershipOver(error) ? groupTaken(group) : error);
    finish();
  }
  options.signal?.addEventListener('abort', () => fail(options.signal?.reason), { once: true });
  watch(consumer);

  function watch({ on, events }: Consumer): void {
    on(events.CRASH, ({ payload }) => fail(payload.error));
    if (group === undefined) return;
    const busy = () => fail(groupTaken(group));
    on(events.REBALANCING, busy);
    on(events.GROUP_JOIN, ({ payload }: ConsumerGroupJoinEvent) => {
      const assigned = payload.memberAssignment[kafka.physicalName(topic)] ?? [];
      if (ranges.some(({ partition }) => !assigned.includes(partition))) busy();
    });
  }

  /** Never throws: kafkajs would start again. */
  async function eachBatch(payload: EachBatchPayload): Promise<void> {
    const { batch } = payload;
    const range = open.get(batch.partition);
    if (range === undefined || stop.signal.aborted || payload.isStale()) return;
    const beat = setInterval(() => void payload.heartbeat().catch(fail), heartbeatMs);
    try {
      const { messages, undecodable } = decodable(topic, batch.partition, batch.messages);
      const isWanted = ({ offset }: { offset: bigint }) => offset >= range.from && offset < range.to;
      let received: ReceivedRecord[];
      let start = 0;
      do {
        received = receivedBatch(topic, batch.partition, messages, { start, maxRecords: messages.length });
        await handle(received.filter(isWanted), {
          signal: stop.signal,
          commit: (next) => commit(payload, next),
        });
        start += received.length;
      } while (start < messages.length && !stop.signal.aborted);
      if (undecodable !== undefined && undecodable.baseOffset < range.to) {
        if (onUndecodable === undefined) throw undecodable;
        onUndecodable(undecodable);
      }
      const last = undecodable?.lastOffset ?? BigInt(batch.lastOffset());
      payload.resolveOffset(String(last));
      if (!stop.signal.aborted) advance(batch.partition, last + 1n);
    } catch (error) {
      fail(error);
    } finally {
      clearInterval(beat);
    }
  }

  function advance(partition: number, next: bigint): void {
    const range = open.get(partition);
    if (range === undefined || next < range.to) return;
    open.delete(partition);
    consumer.pause([{ topic: kafka.physicalName(topic), partitions: [partition] }]);
    if (open.size === 0) finish();
  }

  async function commit({ batch, commitOffsetsIfNecessary }: EachBatchPayload, next: bigint): Promise<void> {
    const partitions = [{ partition: batch.partition, offset: String(next) }];
    await commitOffsetsIfNecessary({ topics: [{ topic: batch.topic, partitions }] });
  }

  if (group !== undefined) await waitUntilFree(group, options);
  options.signal?.throwIfAborted();
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [kafka.physicalName(topic)], fromBeginning: true });
    await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch });
    for (const { partition, from } of ranges) {
      consumer.seek({ topic: kafka.physicalName(topic), partition, offset: String(from) });
    }
    await finished;
  } finally {
    await consumer.disconnect();
  }
  stop.signal.throwIfAborted();
}
