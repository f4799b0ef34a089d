import type { Kafka } from './kafka.ts';
import { kafkaErrorType } from './kafka-error.ts';

/** A part of one partition: from `from` up to, not including, `to`. */
export interface OffsetRange {
  readonly partition: number;
  readonly from: bigint;
  readonly to: bigint;
}

/** Looks up where things are in a cluster. */
export interface TopicOffsets extends AsyncDisposable {
  /** The names of all topics behind this system's prefix, without it, sorted. */
  topics(): Promise<string[]>;
  /**
   * What each partition holds now, by partition; `undefined` when there is no such topic.
   * @param since leaves out the records in front of the first with this timestamp or a later one.
   */
  ranges(topic: string, options?: { since?: Date }): Promise<OffsetRange[] | undefined>;
  /** The offsets that a group has committed, by partition; partitions without one are left out. */
  committed(group: string, topic: string): Promise<Map<number, bigint>>;
}

/**
 * Connects to the cluster.
 * @throws when it cannot be reached, after a second or so: for a person who waits at a terminal.
 */
export async function openTopicOffsets(kafka: Kafka): Promise<TopicOffsets> {
  const admin = kafka.client({ retries: 2 }).admin();
  await admin.connect();
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
          // Below 0 are special meanings.
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
      const groupId = kafka.physicalName(group);
      const [found] = await admin.fetchOffsets({ groupId, topics: [kafka.physicalName(topic)] });
      const partitions = (found?.partitions ?? []).map(
        ({ partition, offset }) => [partition, BigInt(offset)] as const,
      );
      return new Map(partitions.filter(([, offset]) => offset >= 0n));
    },
    async [Symbol.asyncDispose]() {
      await admin.disconnect();
    },
  };
}
