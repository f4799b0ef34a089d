import type { KafkaMessage } from 'kafkajs';
import { timestampOf } from '../received-record.ts';

/** Records of a partition that an operator has told a group to skip; dead letters of them exist. */
export interface Skip {
  readonly partition: number;
  readonly from: bigint;
  /** The first offset to read again. */
  readonly to: bigint;
  /** Timestamp of the first record, in milliseconds since 1970: in a recreated topic the offset is another record. */
  readonly firstTimestamp: number;
}

/**
 * Where skips are stored: in the committed offsets of a group that reads nothing. A running group accepts no commit
 * from outside, so it looks them up. The broker deletes them after its `offsets.retention.minutes`.
 */
export function skipGroup(group: string): string {
  return `${group}.skip`;
}

/** The metadata committed with the offset `to`. */
export function skipMetadata({ from, firstTimestamp }: Omit<Skip, 'partition' | 'to'>): string {
  return JSON.stringify({ from: String(from), first_timestamp: firstTimestamp });
}

/** Parses a committed offset. Returns undefined if it was not committed as a skip. */
export function readSkip(committed: {
  partition: number;
  offset: bigint;
  metadata: string;
}): Skip | undefined {
  const { partition, offset: to, metadata } = committed;
  const [, from, firstTimestamp] =
    /^\{"from":"(\d{1,18})","first_timestamp":(-?\d{1,16})\}$/.exec(metadata) ?? [];
  if (from === undefined || BigInt(from) >= to) return undefined;
  return { partition, from: BigInt(from), to, firstTimestamp: Number(firstTimestamp) };
}

/** The skip that begins with the first of these messages of a partition. */
export function skipAt(
  skips: readonly Skip[],
  partition: number,
  [first]: readonly Pick<KafkaMessage, 'offset' | 'timestamp'>[],
): Skip | undefined {
  return skips.find(
    (skip) =>
      skip.partition === partition &&
      String(skip.from) === first?.offset &&
      skip.firstTimestamp === timestampOf(first).getTime(),
  );
}
