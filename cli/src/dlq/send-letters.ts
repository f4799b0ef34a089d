import {
  createProducer,
  isPermanentRefusal,
  type OffsetRange,
  type Producer,
  type ReceivedRecord,
  readRanges,
} from '@orderflow/messaging';
import { crashPoint } from '@orderflow/runtime';
import { type Cli, CommandError } from '../cli.ts';
import { formatPosition, type Letters } from './dead-letter.ts';
import { type Edit, sendEdit } from './edit.ts';
import type { Pace } from './pace.ts';
import { toReplay } from './replayed.ts';
import { isReduced, restoreLetter } from './restore.ts';

/** The same as for dead letters: a topic limits the size of one request. */
const MAX_SEND_BYTES = 786_432;
const PROGRESS_EVERY_MS = 1_000;

/** The dead letters to replay. */
export interface Selection {
  readonly letters: Letters;
  readonly ranges: readonly OffsetRange[];
  readonly isWanted: (letter: ReceivedRecord) => boolean;
  /** Everything from the committed offsets on, so that they can be advanced. */
  readonly isWhole: boolean;
}

/** The consumer group whose committed offsets are the progress of a replay of all. */
export function replayGroup({ topic }: Letters): string {
  return `dlq-replay.${topic}`;
}

/**
 * Sends the selected dead letters that are not replayed yet, in order per partition, and commits after the broker's
 * acknowledgement. Always prints at the end how many were sent.
 * @param options.replayed returns those that are replayed already; called when no other replay can be running.
 * @throws CommandError when the source topic does not confirm; errors of `readRanges`.
 */
export async function sendLetters(
  { letters, ranges, isWanted, isWhole }: Selection,
  options: {
    total: number;
    edit: Edit | undefined;
    pace: Pace;
    replayed: () => Promise<ReadonlySet<string>>;
    cli: Cli;
  },
): Promise<void> {
  const { total, edit, pace, cli } = options;
  // No retries: a send whose response is lost may have been written, and would be written twice.
  const producer = createProducer(cli.kafka, { retries: 0 });
  let replayed: ReadonlySet<string> | undefined;
  let sent = 0;
  let skipped = 0;
  let refused = 0;
  let reportedAt = performance.now();
  const summary = () =>
    `replayed ${sent} of ${total} to ${letters.source}${skippedText(skipped)}${refused > 0 ? `, ${refused} refused` : ''}`;

  function reportProgress(): void {
    const isOver = sent + skipped + refused === total;
    if (isOver || performance.now() - reportedAt < PROGRESS_EVERY_MS) return;
    reportedAt = performance.now();
    cli.note(summary());
  }

  try {
    await readRanges({
      kafka: cli.kafka,
      topic: letters.topic,
      ranges,
      group: replayGroup(letters),
      sessionTimeoutMs: cli.config.sessionTimeoutMs,
      onGroupBusy: () =>
        cli.note('waiting for another replay to end, or for the session of a killed one to expire'),
      signal: cli.signal,
      async handle(records, { signal, commit }) {
        // Called only now, when no other replay can be running.
        replayed ??= await options.replayed();
        for (const chunk of chunksOf(records, pace.chunkSize)) {
          const wanted = chunk.filter(isWanted);
          const due = wanted.filter((letter) => replayed?.has(formatPosition(letter)) === false);
          await pace.wait(due.length, signal);
          signal.throwIfAborted();
          if (edit !== undefined && due.length > 0) await sendEdit(edit, cli.kafka, producer);
          else
            await publish(
              due.filter((letter) => !isReduced(letter)),
              letters,
              producer,
            );
          const reduced = edit === undefined ? due.filter(isReduced) : [];
          const gone = await publishRestored(reduced, letters, producer, cli);
          crashPoint('replay-after-ack');
          refused += gone;
          sent += due.length - gone;
          skipped += wanted.length - due.length;
          const last = chunk.at(-1);
          if (isWhole && last !== undefined) await commit(last.offset + 1n);
          reportProgress();
        }
      },
      // The poll before this one has reported it.
      onUndecodable: () => {},
    });
  } finally {
    await producer.close();
    cli.print(summary());
  }
  if (refused > 0) throw new CommandError(`${refused} could not be sent: see above.`);
}

/** Sends each individually, since it may be as large as a topic accepts. Returns how many failed, and prints why. */
async function publishRestored(
  reduced: readonly ReceivedRecord[],
  letters: Letters,
  producer: Producer,
  cli: Cli,
): Promise<number> {
  let refused = 0;
  for (const letter of reduced) {
    try {
      await publish([await restoreLetter(letter, cli)], letters, producer);
    } catch (error) {
      if (!(error instanceof CommandError) || (error.cause !== undefined && !isPermanentRefusal(error.cause)))
        throw error;
      refused += 1;
      cli.note(error.message);
    }
  }
  return refused;
}

async function publish(due: readonly ReceivedRecord[], letters: Letters, producer: Producer): Promise<void> {
  const [first] = due;
  if (first === undefined) return;
  crashPoint('replay-before-send');
  try {
    await producer.send(due.map((letter) => toReplay(letter, letters)));
  } catch (error) {
    const which = due.length === 1 ? formatPosition(first) : `${due.length} from ${formatPosition(first)} on`;
    const cause = error instanceof Error ? error.message : String(error);
    throw new CommandError(`${letters.source} did not confirm the dead letters ${which}: ${cause}.`, {
      cause: error,
    });
  }
}

/**
 * Splits records into chunks, in order, so that no request is larger than a topic accepts unless a single record is.
 */
function* chunksOf(records: readonly ReceivedRecord[], maxRecords: number): Generator<ReceivedRecord[]> {
  let chunk: ReceivedRecord[] = [];
  let bytes = 0;
  for (const record of records) {
    const size = (record.value?.length ?? 0) + (record.key?.length ?? 0) + 1_024;
    if (chunk.length > 0 && (chunk.length >= maxRecords || bytes + size > MAX_SEND_BYTES)) {
      yield chunk;
      chunk = [];
      bytes = 0;
    }
    chunk.push(record);
    bytes += size;
  }
  if (chunk.length > 0) yield chunk;
}

/** The end of a sentence. */
export function skippedText(skipped: number): string {
  return skipped === 0 ? '' : `, ${skipped} had been replayed before`;
}
