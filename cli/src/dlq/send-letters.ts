import {
  createProducer,
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

/** As for dead letters: the limit of a topic is for what is sent at once. */
const MAX_SEND_BYTES = 786_432;
const PROGRESS_EVERY_MS = 1_000;

/** What is to be replayed. */
export interface Selection {
  readonly letters: Letters;
  readonly ranges: readonly OffsetRange[];
  readonly isWanted: (letter: ReceivedRecord) => boolean;
  /** Everything from the committed offsets on, so that they can move. */
  readonly isWhole: boolean;
}

/** The consumer group whose committed offsets say how far the replay of all has come. */
export function replayGroup({ topic }: Letters): string {
  return `dlq-replay.${topic}`;
}

/**
 * Sends what is selected and not replayed yet, in order per partition, and commits after the broker's acknowledgement.
 * Whatever happens, it says at the end how many were sent.
 * @param options.replayed looks up what is replayed already; called when no other replay can be running.
 * @throws CommandError when the source topic does not confirm; what `readRanges` throws.
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
  // Without retries: a send whose answer is lost may have been written, and would be written twice.
  const producer = createProducer(cli.kafka, { retries: 0 });
  let replayed: ReadonlySet<string> | undefined;
  let sent = 0;
  let skipped = 0;
  let toldAt = performance.now();
  const summary = () => `replayed ${sent} of ${total} to ${letters.source}${skippedText(skipped)}`;

  function tellProgress(): void {
    const isOver = sent + skipped === total;
    if (isOver || performance.now() - toldAt < PROGRESS_EVERY_MS) return;
    toldAt = performance.now();
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
        cli.note('waiting for the end of another replay, or of the session of one that was killed'),
      signal: cli.signal,
      async handle(records, { signal, commit }) {
        // Only now nobody else can be replaying.
        replayed ??= await options.replayed();
        for (const chunk of chunksOf(records, pace.chunkSize)) {
          const wanted = chunk.filter(isWanted);
          const due = wanted.filter((letter) => replayed?.has(formatPosition(letter)) === false);
          await pace.wait(due.length, signal);
          signal.throwIfAborted();
          if (edit !== undefined && due.length > 0) await sendEdit(edit, cli.kafka, producer);
          else await publish(due, letters, producer);
          crashPoint('replay-after-ack');
          sent += due.length;
          skipped += wanted.length - due.length;
          const last = chunk.at(-1);
          if (isWhole && last !== undefined) await commit(last.offset + 1n);
          tellProgress();
        }
      },
    });
  } finally {
    await producer.close();
    cli.print(summary());
  }
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
    throw new CommandError(`${letters.source} did not confirm the dead letters ${which}: ${cause}.`);
  }
}

/** In order, so that none is larger than what a topic takes at once, if one record alone is not. */
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

/** For the end of a sentence. */
export function skippedText(skipped: number): string {
  return skipped === 0 ? '' : `, ${skipped} had been replayed before`;
}
