import { deadLetterTopic } from '@orderflow/contracts';
import type { OffsetRange, ReceivedRecord, TopicOffsets } from '@orderflow/messaging';
import { CommandError, UsageError } from '../cli.ts';

/** The dead letters that one group sets aside while it reads one topic. */
export interface Letters {
  /** Where the records came from, and go back to. */
  readonly source: string;
  /** The topic they lie in. */
  readonly topic: string;
}

/** The dead letters that `--topic` and `--group` name. */
export function lettersOf(source: string, group: string): Letters {
  return { source, topic: deadLetterTopic(source, group) };
}

/** Where a dead letter lies in its topic. */
export interface Position {
  readonly partition: number;
  readonly offset: bigint;
}

/** `2/118`, as every command writes and takes it. */
export function formatPosition({ partition, offset }: Position): string {
  return `${partition}/${offset}`;
}

/** @throws UsageError */
export function parsePosition(text: string): Position {
  const [, partition, offset] = /^(\d{1,9})\/(\d{1,18})$/.exec(text) ?? [];
  if (partition === undefined || offset === undefined) {
    throw new UsageError(`"${text}" is no dead letter: PARTITION/OFFSET is expected, such as 0/12.`);
  }
  return { partition: Number(partition), offset: BigInt(offset) };
}

/** A record that has come here this often will hardly be decided by yet another replay. */
const RETURNED_OFTEN = 3;

/** What the headers of a dead letter say. Whoever wrote it without them gets what the record itself says. */
export interface Label {
  readonly reason: string;
  readonly time: Date;
  /** How often the record has come to the dead letters, this time included. */
  readonly attempts: number;
  /** It came back from its replays: a person has to look at it. */
  readonly returnedOften: boolean;
}

/** Reads the label of a dead letter. */
export function labelOf({ headers, timestamp }: ReceivedRecord): Label {
  const time = new Date(headers['dlq_time'] ?? Number.NaN);
  const attempts = Number(headers['dlq_attempt']);
  const counted = Number.isSafeInteger(attempts) && attempts > 0 ? attempts : 1;
  return {
    reason: headers['dlq_reason'] ?? '(none)',
    time: Number.isNaN(time.getTime()) ? timestamp : time,
    attempts: counted,
    returnedOften: counted >= RETURNED_OFTEN,
  };
}

/**
 * What the topic of the dead letters holds now.
 * @throws CommandError when there is no such topic.
 */
export async function rangesOf({ topic }: Letters, offsets: TopicOffsets): Promise<OffsetRange[]> {
  const ranges = await offsets.ranges(topic);
  if (ranges !== undefined) return ranges;
  const others = (await offsets.topics()).filter((name) => name.endsWith('.dlq'));
  const hint =
    others.length === 0
      ? 'There are no dead letters at all: is TOPIC_PREFIX right, and has the service ever started?'
      : `There are: ${others.join(', ')}.`;
  throw new CommandError(`There is no topic ${topic}. ${hint}`);
}

/**
 * The smallest parts of the topic that hold these dead letters, and what lies between them.
 * @throws CommandError for a position where there is none.
 */
export function rangesAround(
  positions: readonly Position[],
  { topic }: Letters,
  held: readonly OffsetRange[],
): OffsetRange[] {
  const ranges = new Map<number, OffsetRange>();
  for (const position of positions) {
    const { partition, offset } = position;
    const whole = held.find((range) => range.partition === partition);
    if (whole === undefined || offset < whole.from || offset >= whole.to) {
      throw new CommandError(
        `There is no dead letter ${formatPosition(position)} in ${topic}: ${whatIsThere(whole, held)}.`,
      );
    }
    const { from, to } = ranges.get(partition) ?? { from: offset, to: offset + 1n };
    ranges.set(partition, {
      partition,
      from: offset < from ? offset : from,
      to: offset >= to ? offset + 1n : to,
    });
  }
  return [...ranges.values()];
}

function whatIsThere(range: OffsetRange | undefined, held: readonly OffsetRange[]): string {
  if (range === undefined) return `its partitions are 0 to ${held.length - 1}`;
  if (range.from === range.to) return `partition ${range.partition} is empty`;
  return `partition ${range.partition} holds ${range.from} to ${range.to - 1n}`;
}
