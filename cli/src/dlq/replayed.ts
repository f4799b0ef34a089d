import { createHash } from 'node:crypto';
import {
  contentDigest,
  type OutgoingRecord,
  type ReceivedRecord,
  readRanges,
  type TopicOffsets,
} from '@orderflow/messaging';
import type { Cli } from '../cli.ts';
import { formatPosition, type Letters, type Position } from './dead-letter.ts';
import { editKey, readEdits } from './edits.ts';

/** The header of a replayed record: `<dead-letter topic>/<partition>/<offset>`. */
const REPLAY_OF = 'dlq_replay_of';

/** The headers that a replayed record keeps: its dead letter, the attempt, and who has edited it. */
const KEPT = new Set([REPLAY_OF, 'dlq_attempt', 'dlq_edited_by']);

/** The largest difference of the clocks of the machines that dead-letter and replay. */
const CLOCK_DIFFERENCE_MS = 3_600_000;

/**
 * Converts a dead letter to its replay: the same bytes, key and headers, without the headers of the dead letter, for
 * the partition that the record came from.
 */
export function toReplay(letter: ReceivedRecord, letters: Letters): OutgoingRecord {
  const own = Object.entries(letter.rawHeaders).filter(
    ([name]) => !name.startsWith('dlq_') || KEPT.has(name),
  );
  return {
    topic: letters.source,
    partition: sourceOf(letter).partition,
    key: letter.key,
    value: letter.value,
    headers: { ...Object.fromEntries(own), [REPLAY_OF]: `${letters.topic}/${formatPosition(letter)}` },
  };
}

/** The properties by which the replay of a dead letter is recognized. */
interface Expected {
  readonly source: Position;
  readonly digest: string;
  readonly attempt: string | undefined;
}

/** Dead letters, by their positions as `formatPosition` writes them. */
export type ExpectedReplays = Map<string, Expected>;

/** Adds a dead letter whose replay is to be found. */
export function expectReplay(expected: ExpectedReplays, letter: ReceivedRecord): void {
  expected.set(formatPosition(letter), {
    source: sourceOf(letter),
    digest: letter.headers['dlq_sha256'] ?? contentDigest(letter),
    attempt: letter.headers['dlq_attempt'],
  });
}

/**
 * Returns the positions that have been replayed: those whose replay is in the source topic. Any process may write
 * there, so the header alone proves nothing. A record counts if it is the replay: the same content (or that of an
 * audited edit), the same attempt, and neither the source record nor one before it.
 * @param since the timestamp of the oldest of these dead letters; none was replayed before it.
 */
export async function findReplayed(
  letters: Letters,
  { expected, since }: { readonly expected: ExpectedReplays; readonly since: Date },
  offsets: TopicOffsets,
  cli: Pick<Cli, 'kafka' | 'note' | 'signal'>,
): Promise<Set<string>> {
  const replayed = new Set<string>();
  const edited: { readonly position: string; readonly edit: string }[] = [];
  const prefix = `${letters.topic}/`;
  const ranges = await offsets.ranges(letters.source, {
    since: new Date(Math.max(0, since.getTime() - CLOCK_DIFFERENCE_MS)),
  });
  await readRanges({
    kafka: cli.kafka,
    topic: letters.source,
    ranges: ranges ?? [],
    handle(records) {
      for (const record of records) {
        const of = record.headers[REPLAY_OF];
        if (!of?.startsWith(prefix)) continue;
        const position = of.slice(prefix.length);
        const one = expected.get(position);
        if (one === undefined || !mayBeReplay(record, one)) continue;
        if (contentDigest(record) === one.digest) replayed.add(position);
        else edited.push({ position, edit: editKey(of, sha256(record.value)) });
      }
    },
    // It contains no replay: replays are written without compression, so they can be decoded.
    onUndecodable: () => {},
    signal: cli.signal,
  });
  const open = edited.filter(({ position }) => !replayed.has(position));
  if (open.length > 0) {
    const edits = await readEdits(offsets, cli);
    for (const { position, edit } of open) if (edits.has(edit)) replayed.add(position);
  }
  return replayed;
}

function mayBeReplay(record: ReceivedRecord, { source, attempt }: Expected): boolean {
  const isBefore = record.partition === source.partition && record.offset <= source.offset;
  return !isBefore && record.headers['dlq_attempt'] === attempt;
}

/** The position of the source record; the dead letter's own position where it is missing. */
function sourceOf(letter: ReceivedRecord): Position {
  const { dlq_partition: partition = '', dlq_offset: offset = '' } = letter.headers;
  const isPosition = /^\d{1,9}$/.test(partition) && /^\d{1,18}$/.test(offset);
  return isPosition ? { partition: Number(partition), offset: BigInt(offset) } : { ...letter, offset: -1n };
}

function sha256(bytes: Uint8Array | null): string {
  return createHash('sha256')
    .update(bytes ?? '')
    .digest('hex');
}
