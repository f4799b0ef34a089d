import {
  type ReceivedRecord,
  readRanges,
  type TopicOffsets,
  UndecodableBatchError,
} from '@orderflow/messaging';
import { type Cli, CommandError } from '../cli.ts';
import { lettersOf } from '../dlq/dead-letter.ts';

/** The position of a record that a group reads. */
export interface RecordPosition {
  readonly topic: string;
  readonly group: string;
  readonly partition: number;
  readonly offset: bigint;
}

/** The next records of a group, from its position. */
export interface NextRecords {
  readonly records: readonly ReceivedRecord[];
  /** The batch after them, when it cannot be decoded. */
  readonly undecodable: UndecodableBatchError | undefined;
  /** The first offset after all of them. */
  readonly to: bigint;
  /** Milliseconds since 1970; 0 where the first cannot be decoded. */
  readonly firstTimestamp: number;
}

interface Tools {
  readonly cli: Cli;
  readonly offsets: TopicOffsets;
}

/**
 * Reads the records from a position up to, and including, the offset `last`. 'passed' when the group is past the
 * position.
 * @throws CommandError when the position is not that of the group's next record.
 */
export async function nextRecords(
  { topic, group, partition, offset }: RecordPosition,
  last: bigint,
  { cli, offsets }: Tools,
): Promise<NextRecords | 'passed'> {
  const ranges = await offsets.ranges(topic);
  if (ranges === undefined) throw new CommandError(`Topic ${topic} does not exist: is TOPIC_PREFIX right?`);
  const range = ranges.find((one) => one.partition === partition);
  if (range === undefined) {
    throw new CommandError(
      `${topic} has no partition ${partition}: its partitions are 0 to ${ranges.length - 1}.`,
    );
  }
  const committed = (await offsets.committed(group, topic)).get(partition);
  // Records may have been deleted before they were read.
  const from = committed !== undefined && committed > range.from ? committed : range.from;
  if (offset < from) return 'passed';
  const isNext = (first: bigint) => {
    if (first === offset) return;
    throw new CommandError(
      `${topic}/${partition}/${offset} is not the next record of ${group}: that is ${topic}/${partition}/${first}.`,
    );
  };
  if (last >= range.to) {
    if (from >= range.to) throw new CommandError(`${group} has read all of ${topic}/${partition}.`);
    throw new CommandError(`${topic}/${partition} ends with ${range.to - 1n}.`);
  }

  const records: ReceivedRecord[] = [];
  let undecodable: UndecodableBatchError | undefined;
  try {
    await readRanges({
      kafka: cli.kafka,
      topic,
      ranges: [{ partition, from, to: last + 1n }],
      handle(some) {
        const [first] = some;
        if (records.length === 0 && first !== undefined) isNext(first.offset);
        records.push(...some);
      },
      signal: cli.signal,
    });
  } catch (error) {
    if (!(error instanceof UndecodableBatchError)) throw error;
    undecodable = error;
    const standsInIt = error.baseOffset <= from;
    if (records.length === 0) isNext(standsInIt ? from : error.baseOffset);
  }
  if (records.length === 0 && undecodable === undefined) {
    throw new CommandError(`${topic}/${partition} has no records from ${from} to ${last}.`);
  }
  return {
    records,
    undecodable,
    to: (undecodable?.lastOffset ?? last) + 1n,
    firstTimestamp: records[0]?.timestamp.getTime() ?? 0,
  };
}

/** Whether the group has a dead letter with this reason from this position. */
export async function wasSkipped(
  { topic, group, partition, offset }: RecordPosition,
  reason: string,
  { cli, offsets }: Tools,
): Promise<boolean> {
  const letters = lettersOf(topic, group).topic;
  let found = false;
  await readRanges({
    kafka: cli.kafka,
    topic: letters,
    ranges: (await offsets.ranges(letters)) ?? [],
    handle(some) {
      found ||= some.some(
        ({ headers }) =>
          headers['dlq_reason'] === reason &&
          headers['dlq_partition'] === String(partition) &&
          headers['dlq_offset'] === String(offset),
      );
    },
    // Dead letters can be decoded: they are written without compression.
    onUndecodable: () => {},
    signal: cli.signal,
  });
  return found;
}
