import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Consumer, ConsumerGroupJoinEvent, EachBatchPayload } from 'kafkajs';
import type { Kafka } from './kafka.ts';
import { isFenced, kafkaErrorType } from './kafka-error.ts';
import { type ReceivedRecord, receivedRecord } from './received-record.ts';
import type { OffsetRange } from './topic-offsets.ts';

const GROUP_POLL_MS = 200;
/** What the broker may take longer than the session until it has removed a member that died. */
const EXPIRY_MARGIN_MS = 3_000;

export interface RangesContext {
  /** Aborts when the caller's signal does, and when the group is lost: go no further. */
  readonly signal: AbortSignal;
  /** Commits the offset of the next record to read, for the group. */
  commit(next: bigint): Promise<void>;
}

export interface ReadRangesOptions {
  readonly kafka: Kafka;
  /** Without the prefix. */
  readonly topic: string;
  readonly ranges: readonly OffsetRange[];
  /** Gets the records of one partition in order, a fetch at a time, one call after the other. */
  readonly handle: (records: readonly ReceivedRecord[], context: RangesContext) => void | Promise<void>;
  /**
   * Without the prefix. Read as the only member of this group, so that two processes never do it at once; nothing is
   * committed but by `commit`, and reading starts where the ranges say. Without a group: leaves no trace.
   */
  readonly group?: string;
  /** How long the group stays blocked when this process is killed. */
  readonly sessionTimeoutMs?: number;
  /** Called once when another member is in the group, before its end is waited for. */
  readonly onGroupBusy?: () => void;
  readonly signal?: AbortSignal;
}

/** Another member is, or has come, into a group that is for one at a time. */
export class GroupBusyError extends Error {
  override readonly name = 'GroupBusyError';
}

/**
 * Reads parts of a topic once and ends.
 * @throws what `handle` throws; {@link GroupBusyError}; the reason of the signal; what makes Kafka unreadable.
 */
export async function readRanges(options: ReadRangesOptions): Promise<void> {
  const { kafka, topic, handle, group, sessionTimeoutMs = 30_000 } = options;
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
    on(events.END_BATCH_PROCESS, ({ payload: { partition, batchSize, firstOffset, lastOffset } }) => {
      // Marks and aborted records of transactions: `eachBatch` never sees a fetch of nothing else.
      if (batchSize === 0 && BigInt(firstOffset) >= (open.get(partition)?.from ?? 0n)) {
        advance(partition, BigInt(lastOffset) + 1n);
      }
    });
    if (group === undefined) return;
    const busy = () => fail(groupTaken(group));
    on(events.REBALANCING, busy);
    on(events.GROUP_JOIN, ({ payload }: ConsumerGroupJoinEvent) => {
      const assigned = payload.memberAssignment[kafka.physicalName(topic)] ?? [];
      if (ranges.some(({ partition }) => !assigned.includes(partition))) busy();
    });
  }

  /** Never throws: kafkajs would begin again. */
  async function eachBatch(payload: EachBatchPayload): Promise<void> {
    const { batch } = payload;
    const range = open.get(batch.partition);
    if (range === undefined || stop.signal.aborted || payload.isStale()) return;
    const beat = setInterval(() => void payload.heartbeat().catch(fail), heartbeatMs);
    try {
      const records = batch.messages
        .map((message) => receivedRecord(topic, batch.partition, message))
        .filter(({ offset }) => offset >= range.from && offset < range.to);
      await handle(records, { signal: stop.signal, commit: (next) => commit(payload, next) });
      payload.resolveOffset(batch.lastOffset());
      if (!stop.signal.aborted) advance(batch.partition, BigInt(batch.lastOffset()) + 1n);
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

  if (group !== undefined) await waitUntilFree(kafka, groupId, options);
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

function groupTaken(group: string): GroupBusyError {
  return new GroupBusyError(`another process has joined the consumer group ${group}`);
}

/** How a heartbeat or a commit learns of another member, perhaps before kafkajs reports that it joins anew. */
function isMembershipOver(error: unknown): boolean {
  return isFenced(error) || kafkaErrorType(error) === 'REBALANCE_IN_PROGRESS';
}

/** A member that was killed stays in its group until its session is over. */
async function waitUntilFree(
  kafka: Kafka,
  groupId: string,
  { sessionTimeoutMs = 30_000, onGroupBusy, signal }: ReadRangesOptions,
): Promise<void> {
  const admin = kafka.client({ retries: 5 }).admin();
  await admin.connect();
  try {
    const until = performance.now() + sessionTimeoutMs + EXPIRY_MARGIN_MS;
    let told = false;
    while ((await memberCount()) > 0) {
      if (performance.now() > until) {
        throw new GroupBusyError(`another process is in the consumer group ${kafka.logicalName(groupId)}`);
      }
      if (!told) onGroupBusy?.();
      told = true;
      await sleep(GROUP_POLL_MS, undefined, { ...(signal && { signal }) });
    }
  } finally {
    await admin.disconnect();
  }

  async function memberCount(): Promise<number> {
    try {
      const { groups } = await admin.describeGroups([groupId]);
      return groups[0]?.members.length ?? 0;
    } catch (error) {
      // A group that has never been: brokers from 4.0 on say so with an error.
      if (kafkaErrorType(error) === 'GROUP_ID_NOT_FOUND') return 0;
      throw error;
    }
  }
}
