import { optionalGroups, readers } from '@orderflow/contracts';
import { lagsOf, readRanges, type TopicOffsets, UndecodableBatchError } from '@orderflow/messaging';
import type { Cli } from '../cli.ts';
import { table } from '../table.ts';
import { formatTime } from './time.ts';

/** A partition pauses for at most 5 s between attempts; a record that has waited longer than this is stalled. */
const patienceMs = 15_000;
const LIMIT = 50;

/** A partition whose next record has waited for long. */
interface Stalled {
  readonly topic: string;
  readonly group: string;
  readonly partition: number;
  readonly next: bigint;
  readonly lag: bigint;
  readonly members: number;
  /** When the next record was written; undefined when it cannot be decoded. */
  readonly since: Date | undefined;
}

/**
 * Formats the stalled partitions: their group has no member, or the next record has waited for long, as it does while a
 * partition is paused. Empty when there are none.
 */
export async function stalledPartitions(cli: Cli, offsets: TopicOffsets): Promise<string> {
  const found: Stalled[] = [];
  for (const [topic, group] of readers) found.push(...(await stalledOf(cli, offsets, topic, group)));
  if (found.length === 0) return '';
  const lines = [
    'Stalled partitions ("pnpm orders records skip" skips a record that a group cannot handle):',
    table(
      ['next record', 'group', 'lag', 'waits since', ''],
      found
        .slice(0, LIMIT)
        .map(({ topic, group, partition, next, lag, members, since }) => [
          `${topic}/${partition}/${next}`,
          group,
          String(lag),
          since === undefined ? 'cannot be decoded' : formatTime(since),
          members === 0 ? 'NO PROCESS reads it' : `${members} in the group: paused, or slow`,
        ]),
    ),
  ];
  if (found.length > LIMIT) lines.push(`… and ${found.length - LIMIT} more`);
  return lines.join('\n');
}

async function stalledOf(cli: Cli, offsets: TopicOffsets, topic: string, group: string): Promise<Stalled[]> {
  const behind = (await lagsOf(offsets, topic, group)).filter(({ lag }) => lag > 0n);
  if (behind.length === 0) return [];
  const committed = await offsets.committed(group, topic);
  if (optionalGroups.includes(group) && committed.size === 0) return [];
  const members = await offsets.members(group);
  const ranges = (await offsets.ranges(topic)) ?? [];
  const found: Stalled[] = [];
  for (const { partition, lag } of behind) {
    const range = ranges.find((one) => one.partition === partition);
    if (range === undefined) continue;
    const next = range.to - lag;
    const since = await timeOf(cli, topic, partition, next);
    const isOld = since === undefined || Date.now() - since.getTime() > patienceMs;
    if (members === 0 || isOld) found.push({ topic, group, partition, next, lag, members, since });
  }
  return found;
}

/** When a record was written; undefined when it cannot be decoded, or was deleted. */
async function timeOf(
  { kafka, signal }: Cli,
  topic: string,
  partition: number,
  offset: bigint,
): Promise<Date | undefined> {
  let time: Date | undefined;
  try {
    await readRanges({
      kafka,
      topic,
      ranges: [{ partition, from: offset, to: offset + 1n }],
      handle: ([first]) => {
        time ??= first?.timestamp;
      },
      signal,
    });
  } catch (error) {
    if (!(error instanceof UndecodableBatchError)) throw error;
  }
  return time;
}
