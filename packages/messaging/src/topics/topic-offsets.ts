import { readSkip, type Skip, skipGroup } from '../consumer/skips.ts';
import type { Kafka } from '../kafka.ts';
import { kafkaErrorType } from '../kafka-error.ts';
import { memberCount } from './exclusive-member.ts';

/** A range of one partition: from `from` up to, not including, `to`. */
export interface OffsetRange {
  readonly partition: number;
  readonly from: bigint;
  readonly to: bigint;
}

/** Looks up offsets in a cluster. */
export interface TopicOffsets extends AsyncDisposable {
  /** The names of all topics with this system's prefix, without it, sorted. */
  topics(): Promise<string[]>;
  /**
   * The offsets that each partition holds now, by partition; `undefined` when the topic does not exist.
   * @param since excludes the records before the first one with this timestamp or a later one.
   */
  ranges(topic: string, options?: { since?: Date }): Promise<OffsetRange[] | undefined>;
  /** The offsets that a group has committed, by partition; partitions without one are left out. */
  committed(group: string, topic: string): Promise<Map<number, bigint>>;
  /** The number of members of a group; 0 for a group that has never existed. */
  members(group: string): Promise<number>;
  /** The skips that operators have committed for a group and a topic. */
  skips(group: string, topic: string): Promise<Skip[]>;
}

/**
 * How many records of each partition a group has yet to read; all that a partition holds if it has no committed offset.
 */
export async function lagsOf(
  offsets: TopicOffsets,
  topic: string,
  group: string,
): Promise<{ readonly partition: number; readonly lag: bigint }[]> {
  const ranges = await offsets.ranges(topic);
  if (ranges === undefined) return [];
  const committed = await offsets.committed(group, topic);
  return ranges.map(({ partition, from, to }) => {
    const next = committed.get(partition) ?? from;
    // Records may have been deleted before they were read. And the group may be past an end that was asked for earlier.
    if (next > to) return { partition, lag: 0n };
    return { partition, lag: next < from ? to - from : to - next };
  });
}

/** One connection for many queries. */
export interface TopicOffsetsConnection {
  /** Connects with the first query, and again after a query has failed. */
  ask<T>(question: (offsets: TopicOffsets) => Promise<T>): Promise<T>;
  close(): void;
}

/** Creates it without connecting. */
export function connectTopicOffsets(kafka: Kafka): TopicOffsetsConnection {
  let connection: Promise<TopicOffsets> | undefined;

  /** Does not wait: a connection attempt to unavailable brokers is closed once it ends. */
  function giveUp(given: Promise<TopicOffsets>): void {
    // Another query may have opened a new connection meanwhile.
    if (connection === given) connection = undefined;
    given.then((offsets) => offsets[Symbol.asyncDispose]()).catch(() => {});
  }

  return {
    async ask(question) {
      connection ??= openTopicOffsets(kafka);
      const asked = connection;
      try {
        return await question(await asked);
      } catch (error) {
        giveUp(asked);
        throw error;
      }
    },
    close() {
      if (connection !== undefined) giveUp(connection);
    },
  };
}

/**
 * Connects to the cluster.
 * @throws when it cannot be reached, after about a second: for an operator at a terminal.
 */
export async function openTopicOffsets(kafka: Kafka): Promise<TopicOffsets> {
  const admin = kafka.client({ retries: 2 }).admin();
  await admin.connect();

  async function committedOf(group: string, topic: string) {
    const groupId = kafka.physicalName(group);
    const [found] = await admin.fetchOffsets({ groupId, topics: [kafka.physicalName(topic)] });
    return (found?.partitions ?? [])
      .map(({ partition, offset, metadata }) => ({
        partition,
        offset: BigInt(offset),
        metadata: metadata ?? '',
      }))
      .filter(({ offset }) => offset >= 0n);
  }

  return {
    async topics() {
      const all = await admin.listTopics();
      const prefix = kafka.physicalName('');
      return all
        .filter((name) => name.startsWith(prefix) && !name.startsWith('__'))
        .map(kafka.logicalName)
        .sort();
    },
    async ranges(topic, { since } = {}) {
      const name = kafka.physicalName(topic);
      try {
        const offsets = await admin.fetchTopicOffsets(name);
        const starts = new Map<number, bigint>();
        if (since !== undefined) {
          // Negative timestamps have special meanings.
          const found = await admin.fetchTopicOffsetsByTimestamp(name, Math.max(0, since.getTime()));
          for (const { partition, offset } of found) starts.set(partition, BigInt(offset));
        }
        return offsets
          .map(({ partition, low, high }) => ({
            partition,
            from: starts.get(partition) ?? BigInt(low),
            to: BigInt(high),
          }))
          .sort((a, b) => a.partition - b.partition);
      } catch (error) {
        if (kafkaErrorType(error) === 'UNKNOWN_TOPIC_OR_PARTITION') return undefined;
        throw error;
      }
    },
    async committed(group, topic) {
      const found = await committedOf(group, topic);
      return new Map(found.map(({ partition, offset }) => [partition, offset]));
    },
    members: (group) => memberCount(admin, kafka.physicalName(group)),
    async skips(group, topic) {
      return (await committedOf(skipGroup(group), topic)).flatMap((committed) => readSkip(committed) ?? []);
    },
    async [Symbol.asyncDispose]() {
      await admin.disconnect();
    },
  };
}
