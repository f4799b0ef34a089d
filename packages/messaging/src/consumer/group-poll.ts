import type { Logger } from '@orderflow/runtime';
import type { Kafka } from '../kafka.ts';
import { connectTopicOffsets, lagsOf } from '../topics/topic-offsets.ts';
import { type Position, partitionKey } from './pauses.ts';
import type { Skip } from './skips.ts';

const EVERY_MS = 5_000;

/**
 * Polls the brokers for what a fetch does not return: the lag of partitions that are paused or have never returned a
 * record, and the skips that an operator has committed for the group.
 */
export interface GroupPoll {
  /** Polls now, and then every 5 s. */
  now(): void;
  /** The known skips of a topic. */
  skips(topic: string): readonly Skip[];
  close(): void;
}

/**
 * Creates a poll of the partitions that `assigned` returns. `onLag` is called with the lag of each of them and the time
 * it was asked for (`performance.now()`); it is not called while the brokers are unavailable.
 */
export function createGroupPoll(options: {
  kafka: Kafka;
  groupId: string;
  logger: Logger;
  assigned: () => ReadonlyMap<string, Position>;
  onLag: (position: Position, lag: bigint, askedAt: number) => void;
}): GroupPoll {
  const { kafka, groupId, logger, assigned, onLag } = options;
  const connection = connectTopicOffsets(kafka);
  const skips = new Map<string, readonly Skip[]>();
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  function askIn(ms: number): void {
    clearTimeout(timer);
    if (!closed) timer = setTimeout(() => void ask().finally(() => askIn(EVERY_MS)), ms);
  }

  async function ask(): Promise<void> {
    const askedAt = performance.now();
    try {
      for (const topic of new Set([...assigned().values()].map((position) => position.topic))) {
        await connection.ask(async (offsets) => {
          for (const { partition, lag } of await lagsOf(offsets, topic, groupId)) {
            const position = assigned().get(partitionKey({ topic, partition }));
            if (position !== undefined) onLag(position, lag, askedAt);
          }
          skips.set(topic, await offsets.skips(groupId, topic));
        });
      }
    } catch (error) {
      logger.debug({ err: error }, 'cannot poll the lag of the consumer group; retrying in 5 s');
    }
  }

  return {
    now: () => askIn(0),
    skips: (topic) => skips.get(topic) ?? [],
    close() {
      closed = true;
      clearTimeout(timer);
      connection.close();
    },
  };
}
