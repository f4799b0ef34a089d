import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EachBatchPayload } from 'kafkajs';
import type { Kafka } from '../kafka.ts';
import { type ReceivedRecord, receivedBatch } from '../received-record.ts';
import { decodable } from '../undecodable.ts';

/** How long the broker keeps a fetch open that brings nothing. */
const MAX_FETCH_WAIT_MS = 1_000;
/** The delay of the next fetch: what arrives meanwhile is fetched at once, and readers wait this much longer. */
const FETCH_DELAY_MS = 20;
/** A fetch with at least this many records is followed by the next one without a delay. */
const MANY_RECORDS = 50;
/** About three seconds in total, for a broker that restarts or hands over its partitions. */
const RETRIES = 5;
/** kafkajs has a worker for each of so many partitions. */
const CONCURRENT_PARTITIONS = 32;
/** The maximum age of metadata; new partitions are found through it. */
const METADATA_MAX_AGE_MS = 10_000;

export interface FollowTopicOptions {
  readonly kafka: Kafka;
  /** Without the prefix. */
  readonly topic: string;
  /** A group of this name and a random part is used, which commits nothing and has one member. Without the prefix. */
  readonly groupPrefix: string;
  /** The offset of the first record to read, by partition. A partition that is not named is read from its beginning. */
  readonly from: ReadonlyMap<number, bigint>;
  /**
   * Called with the next records of a partition, which may be none, and the offset after them. What it throws ends the
   * reading.
   */
  readonly handle: (partition: number, records: readonly ReceivedRecord[], next: bigint) => void;
  /** Called at most once, when reading has ended for good. What was read so far stays true; follow again from there. */
  readonly onFailed: (error: Error) => void;
  readonly sessionTimeoutMs: number;
}

/** A topic that is being read. */
export interface TopicFollower {
  /** The time since a broker has responded to a fetch, in milliseconds; Infinity before the first response. */
  silentMs(): number;
  /** Stops reading. Rejects when Kafka is unavailable. */
  stop(): Promise<void>;
}

/**
 * Reads all partitions of a topic, each record once and in order of its partition, from the given offsets on, also across
 * rebalances. New partitions are read from their beginning. Ends when Kafka is unavailable for some seconds.
 * @throws errors of Kafka, when it cannot be reached at first
 */
export async function followTopic(options: FollowTopicOptions): Promise<TopicFollower> {
  const { kafka, topic, groupPrefix, from, handle, onFailed, sessionTimeoutMs } = options;
  const physical = kafka.physicalName(topic);
  const positions = new Map(from);
  let fetchedAt = Number.NEGATIVE_INFINITY;
  let ended = false;
  const consumer = kafka
    .client({
      onOffsetReset: (_, partition) =>
        fail(
          new Error(`${topic}/${partition}: the records after offset ${positions.get(partition)} are gone`),
        ),
    })
    .consumer({
      groupId: kafka.physicalName(`${groupPrefix}.${randomUUID()}`),
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: sessionTimeoutMs / 10,
      maxWaitTimeInMs: MAX_FETCH_WAIT_MS,
      // It would start again also after it was stopped.
      retry: { retries: RETRIES, restartOnFailure: async () => false },
      metadataMaxAge: METADATA_MAX_AGE_MS,
      allowAutoTopicCreation: false,
    });

  consumer.on(consumer.events.FETCH, () => {
    fetchedAt = performance.now();
  });
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    // No offset is committed, so each assignment would begin at the default.
    for (const partition of payload.memberAssignment[physical] ?? []) {
      const offset = positions.get(partition);
      if (offset !== undefined) consumer.seek({ topic: physical, partition, offset: String(offset) });
    }
  });
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    fail(payload.error);
  });

  function fail(error: Error): void {
    if (ended) return;
    ended = true;
    onFailed(error);
  }

  /** Never throws: kafkajs would start again. */
  async function eachBatch(payload: EachBatchPayload): Promise<void> {
    try {
      read(payload);
    } catch (error) {
      fail(error as Error);
    }
    if (payload.batch.messages.length < MANY_RECORDS && !ended) await sleep(FETCH_DELAY_MS);
  }

  function read({ batch, resolveOffset }: EachBatchPayload): void {
    if (ended) return;
    const { partition } = batch;
    const position = positions.get(partition) ?? 0n;
    const { fetchedOffset } = batch as unknown as { readonly fetchedOffset: string };
    if (BigInt(fetchedOffset) > position) {
      throw new Error(`${topic}/${partition} was fetched from ${fetchedOffset}, after offset ${position}`);
    }
    const { messages, undecodable } = decodable(topic, partition, batch.messages);
    for (let start = 0; start < messages.length; ) {
      const records = receivedBatch(topic, partition, messages, { start, maxRecords: messages.length });
      start += records.length;
      // A fetch in flight during a rebalance may come again.
      const unread = records.filter(({ offset }) => offset >= (positions.get(partition) ?? 0n));
      advance(partition, unread, (records.at(-1)?.offset ?? -1n) + 1n);
    }
    if (undecodable !== undefined)
      kafka.logger.error({ err: undecodable }, 'records passed over: not decodable');
    advance(partition, [], (undecodable?.lastOffset ?? BigInt(batch.lastOffset())) + 1n);
    resolveOffset(String((positions.get(partition) ?? 0n) - 1n));
  }

  function advance(partition: number, records: readonly ReceivedRecord[], next: bigint): void {
    if (next <= (positions.get(partition) ?? 0n)) return;
    handle(partition, records, next);
    positions.set(partition, next);
  }

  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [physical], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: CONCURRENT_PARTITIONS,
      eachBatch,
    });
  } catch (error) {
    ended = true;
    await consumer.disconnect().catch(() => {});
    throw error;
  }
  return {
    silentMs: () => performance.now() - fetchedAt,
    async stop() {
      ended = true;
      await consumer.disconnect();
    },
  };
}
