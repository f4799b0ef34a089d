import { deadLetterTopic } from '@orderflow/contracts';
import type { OffsetRange, ReceivedRecord, TopicOffsets } from '@orderflow/messaging';
import { CommandError, UsageError } from '../cli.ts';

/** The dead letters of one group and one source topic. */
export interface Letters {
  /** The topic that the records came from, and are replayed to. */
  readonly source: string;
  /** The dead-letter topic. */
  readonly topic: string;
}

/** The dead letters of `--topic` and `--group`. */
export function lettersOf(source: string, group: string): Letters {
  return { source, topic: deadLetterTopic(source, group) };
}

/** The position of a dead letter in its topic. */
export interface Position {
  readonly partition: number;
  readonly offset: bigint;
}

/** `2/118`, the format in which all commands write and read positions. */
export function formatPosition({ partition, offset }: Position): string {
  return `${partition}/${offset}`;
}

/** @throws UsageError */
export function parsePosition(text: string): Position {
  const [, partition, offset] = /^(\d{1,9})\/(\d{1,18})$/.exec(text) ?? [];
  if (partition === undefined || offset === undefined) {
    throw new UsageError(`"${text}" is not a dead letter: PARTITION/OFFSET is expected, such as 0/12.`);
  }
  return { partition: Number(partition), offset: BigInt(offset) };
}

/** A record that has been dead-lettered this often will hardly be handled after yet another replay. */
const RETURNED_OFTEN = 3;

/** The fields of a dead letter's headers. Without the headers they are taken from the record. */
export interface Label {
  readonly reason: string;
  readonly time: Date;
  /** How often the record has been dead-lettered, including this time. */
  readonly attempts: number;
  /** Its replays have failed: it has to be examined. */
  readonly returnedOften: boolean;
}

/** Reads the headers of a dead letter. */
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
 * The offsets in a dead-letter topic.
 * @throws CommandError when the topic does not exist.
 */
export async function rangesOf({ topic }: Letters, offsets: TopicOffsets): Promise<OffsetRange[]> {
  const ranges = await offsets.ranges(topic);
  if (ranges !== undefined) return ranges;
  const others = (await offsets.topics()).filter((name) => name.endsWith('.dlq'));
  const hint =
    others.length === 0
      ? 'There are no dead-letter topics: is TOPIC_PREFIX right, and has the service ever started?'
      : `Existing topics: ${others.join(', ')}.`;
  throw new CommandError(`Topic ${topic} does not exist. ${hint}`);
}

/**
 * The smallest ranges of the topic that contain these dead letters, and what lies between them.
 * @throws CommandError for a position that does not exist.
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
        `Dead letter ${formatPosition(position)} of ${topic} does not exist: ${whatIsThere(whole, held)}.`,
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
