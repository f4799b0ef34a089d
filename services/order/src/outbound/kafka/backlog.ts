import { groups, topics } from '@orderflow/contracts';
import { connectTopicOffsets, type Kafka, type OffsetRange, type TopicOffsets } from '@orderflow/messaging';
import type { Component } from '@orderflow/runtime';
import type { Sql } from '@orderflow/storage';
import type { Backlog, BacklogMark, DeadlineKind, ParticipantProgress } from '../../ports.ts';
import { createParticipantProgress } from './participant-progress.ts';

/** What has to be read before deadlines of a kind may fire. Undecided orders depend only on the worker. */
const readBy: Record<DeadlineKind, readonly { readonly topic: string; readonly group: string }[]> = {
  undecided: [{ topic: topics.orders, group: groups.orderWorker }],
  decided: [
    { topic: topics.inventoryEvents, group: groups.orderSaga },
    { topic: topics.paymentEvents, group: groups.orderSaga },
  ],
};

interface Mark extends BacklogMark {
  /** The ends of the topics at that time, by partition, without empty partitions. */
  readonly ends: readonly {
    readonly topic: string;
    readonly group: string;
    readonly byPartition: ReadonlyMap<number, bigint>;
  }[];
}

/** Compares the outbox and the committed offsets, ours and the participants', with those at an earlier time. */
export function kafkaBacklog(
  database: Sql,
  kafka: Kafka,
): { backlog: Backlog<Mark>; progress: ParticipantProgress; component: Component } {
  const connection = connectTopicOffsets(kafka);

  const backlog: Backlog<Mark> = {
    async mark(kind) {
      const [row] = await database.query<{ time: number; is_due: boolean }>(
        `select floor(extract(epoch from now()) * 1000)::float8 as time, exists (
           select from orders where deadline_time < now() and (state = 'PENDING') = $1
         ) as is_due`,
        [kind === 'undecided'],
      );
      if (row === undefined || !row.is_due) return undefined;
      const ends = await connection.ask((offsets) =>
        Promise.all(
          readBy[kind].map(async ({ topic, group }) => {
            const ranges = (await offsets.ranges(topic)) ?? [];
            const held = ranges.filter(({ from, to }) => from < to);
            return { topic, group, byPartition: new Map(held.map(({ partition, to }) => [partition, to])) };
          }),
        ),
      );
      return { time: new Date(row.time), ends };
    },

    async isDrained({ time, ends }) {
      return (
        (await isAllPublished(database, time)) &&
        (await connection.ask((offsets) => isAllRead(offsets, ends)))
      );
    },
  };
  const progress = createParticipantProgress({
    isAllPublished: (time) => isAllPublished(database, time),
    database,
    ask: (question) => connection.ask(question),
  });
  return {
    backlog,
    progress,
    component: { name: 'backlog', start: async () => {}, stop: async () => connection.close() },
  };
}

/** Whether all rows up to a time are published. Rows behind a refused one block only their own order. */
async function isAllPublished(database: Sql, time: Date): Promise<boolean> {
  const waiting = await database.query(
    `select 1 from outbox o
     where create_time <= $1 and failed_time is null and not exists (
       select from outbox f
       where f.failed_time is not null and f.topic = o.topic and f.key = o.key and f.id < o.id)
     limit 1`,
    [time],
  );
  return waiting.length === 0;
}

async function isAllRead(offsets: TopicOffsets, ends: Mark['ends']): Promise<boolean> {
  for (const { topic, group, byPartition } of ends) {
    if (byPartition.size === 0) continue;
    const committed = await offsets.committed(group, topic);
    const isRead = ({ partition, from, to }: OffsetRange) => {
      const marked = byPartition.get(partition) ?? 0n;
      // A recreated topic ends before the mark: no reader will ever reach it.
      const end = marked < to ? marked : to;
      return from === to || (committed.get(partition) ?? 0n) >= end;
    };
    if (!((await offsets.ranges(topic)) ?? []).every(isRead)) return false;
  }
  return true;
}
