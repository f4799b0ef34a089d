import { groups, readers } from '@orderflow/contracts';
import { partitionOf, type TopicOffsets } from '@orderflow/messaging';
import { millis, type Sql } from '@orderflow/storage';
import type { ParticipantProgress, ReadPosition } from '../../ports.ts';

/** The topics and groups of the participants, whose replies an order waits for. */
const participants = readers.filter(([, group]) => group === groups.inventory || group === groups.payment);

/** Compares the committed offsets of inventory and payment with the ends of their topics. */
export function createParticipantProgress({
  database,
  isAllPublished,
  ask,
}: {
  readonly database: Sql;
  readonly isAllPublished: (time: Date) => Promise<boolean>;
  readonly ask: <T>(question: (offsets: TopicOffsets) => Promise<T>) => Promise<T>;
}): ParticipantProgress {
  return {
    async read(previous) {
      const [row] = await database.query<{ time: number }>(`select ${millis('clock_timestamp()')} as time`);
      if (row === undefined) throw new Error('Postgres returned no time');
      const published = previous === undefined || (await isAllPublished(previous));
      return { time: new Date(row.time), isAllPublished: published, positions: await ask(positionsOf) };
    },
    partitionOf,
  };
}

async function positionsOf(offsets: TopicOffsets): Promise<ReadPosition[]> {
  const topics = [...new Set(participants.map(([topic]) => topic))];
  const ends = new Map(
    await Promise.all(topics.map(async (topic) => [topic, (await offsets.ranges(topic)) ?? []] as const)),
  );
  const positions = participants.map(async ([topic, group]) => {
    const ranges = ends.get(topic) ?? [];
    if (ranges.length === 0) return [];
    const committed = await offsets.committed(group, topic);
    return ranges.map(({ partition, from, to }) => {
      const read = committed.get(partition) ?? from;
      // Deleted records cannot be read: for a partition without records no group is behind.
      return { group, topic, partition, end: to, readTo: from === to ? to : read };
    });
  });
  return (await Promise.all(positions)).flat();
}
