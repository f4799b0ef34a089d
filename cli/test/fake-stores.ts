import { topics } from '@orderflow/contracts';
import type { TopicOffsets } from '@orderflow/messaging';
import type { Query } from '../src/stores.ts';

/** Returns these rows for queries of a table, and nothing for any other. */
export function answering(tables: Readonly<Record<string, readonly object[]>>): Query {
  const run = async (sql: string) =>
    Object.entries(tables).find(([name]) => new RegExp(`from ${name}\\b`).test(sql))?.[1] ?? [];
  const batches = async function* (sql: string) {
    yield await run(sql);
  };
  return Object.assign(run, { batches }) as unknown as Query;
}

/** Topics of one partition that hold ten records. */
export function offsetsOf(committed: (group: string, topic: string) => bigint | undefined): TopicOffsets {
  return {
    topics: async () => Object.values(topics),
    ranges: async () => [{ partition: 0, from: 0n, to: 10n }],
    async committed(group, topic) {
      const offset = committed(group, topic);
      return new Map(offset === undefined ? [] : [[0, offset]]);
    },
    members: async () => 1,
    skips: async () => [],
    [Symbol.asyncDispose]: async () => {},
  };
}
