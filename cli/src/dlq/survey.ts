import { type OffsetRange, type ReceivedRecord, readRanges } from '@orderflow/messaging';
import type { Cli } from '../cli.ts';
import { type Letters, labelOf } from './dead-letter.ts';
import { type ExpectedReplays, expectReplay } from './replayed.ts';
import { type Row, rowOf } from './rows.ts';

/** The selected dead letters. */
export interface Survey {
  /** A line for each. */
  readonly rows: Row[];
  /** The properties by which their replays are recognized. */
  readonly expected: ExpectedReplays;
  /** The timestamp of the oldest; now, when there is none. */
  readonly oldest: Date;
  /** The reasons of all dead letters, also of those that were not selected. */
  readonly reasons: ReadonlySet<string>;
}

/** Reads dead letters before an action on them. `each` is called with every selected one. */
export async function survey(
  {
    letters,
    ranges,
    isWanted,
  }: {
    readonly letters: Letters;
    readonly ranges: readonly OffsetRange[];
    readonly isWanted: (letter: ReceivedRecord) => boolean;
  },
  { kafka, note, signal }: Cli,
  each: (letter: ReceivedRecord) => Promise<void> = async () => {},
): Promise<Survey> {
  const rows: Row[] = [];
  const expected: ExpectedReplays = new Map();
  const reasons = new Set<string>();
  let oldest = new Date();
  await readRanges({
    kafka,
    topic: letters.topic,
    ranges,
    async handle(records) {
      for (const letter of records) {
        reasons.add(labelOf(letter).reason);
        if (!isWanted(letter)) continue;
        rows.push(rowOf(letter));
        expectReplay(expected, letter);
        if (letter.timestamp < oldest) oldest = letter.timestamp;
        await each(letter);
      }
    },
    // Not written by this system; the dead letters around it can be replayed all the same.
    onUndecodable: ({ message }) => note(`skipped: ${message}`),
    signal,
  });
  return { rows, expected, oldest, reasons };
}
