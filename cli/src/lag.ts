import type { TopicOffsets } from '@orderflow/messaging';

/** How many records of each partition a group has yet to read; a group that has never committed, all of them. */
export async function lagsOf(
  offsets: TopicOffsets,
  topic: string,
  group: string,
): Promise<{ readonly partition: number; readonly lag: bigint }[]> {
  const ranges = await offsets.ranges(topic);
  if (ranges === undefined) return [];
  const committed = await offsets.committed(group, topic);
  return ranges
    .map(({ partition, from, to }) => ({ partition, lag: to - (committed.get(partition) ?? from) }))
    .filter(({ lag }) => lag > 0n);
}
