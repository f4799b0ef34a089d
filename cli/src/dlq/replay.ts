import { readFile } from 'node:fs/promises';
import { topics } from '@orderflow/contracts';
import { type OffsetRange, openTopicOffsets, readRanges, type TopicOffsets } from '@orderflow/messaging';
import { type Cli, type Command, CommandError, UsageError } from '../cli.ts';
import { formatPosition, type Letters, parsePosition, rangesAround, rangesOf } from './dead-letter.ts';
import { auditTopic, type Edit, editLetter } from './edit.ts';
import { type Row, rowOf, rowsTable } from './list.ts';
import {
  FILTER_HELP,
  filterOptions,
  LETTERS_HELP,
  lettersOptions,
  parseOptions,
  readFilter,
  readLetters,
} from './options.ts';
import { createPace } from './pace.ts';
import { findReplayed } from './replayed.ts';
import { replayGroup, type Selection, sendLetters, skippedText } from './send-letters.ts';

const HELP = `Usage: pnpm orders dlq replay [PARTITION/OFFSET ...] [options]

Sends dead letters back to the topic they came from: same bytes, key and headers. Without positions and
filters: all that were not replayed yet. May be stopped or killed at any time; the same command goes on.

  --dry-run       only shows what would be sent
  --rate N/s      at most so many records a second
  --edit FILE     sends the bytes of FILE in place of the content of one dead letter of ${topics.orders}. It must
                  be an order with the same order id (any id, if the dead letter's can't be read). Who did it,
                  when, and the SHA-256 of both go to topic ${auditTopic} first.
${FILTER_HELP}
${LETTERS_HELP}

How it knows what was replayed: each replayed record carries the header dlq_replay_of with the position of
its dead letter, and what the source topic holds already is not sent again, however it was chosen. A replay
of all also commits its offsets, for consumer group dlq-replay.<topic of the dead letters>, after the
broker's acknowledgement, and begins there the next time. What comes back is a new dead letter with a
position of its own, and can be replayed again. Only one replay runs at a time; after a kill the next one
waits until the session of the former is over (KAFKA_SESSION_TIMEOUT).`;

/** `orders dlq replay` */
export const replay: Command = {
  help: HELP,
  async run(args, cli) {
    const { values, positionals } = parseOptions({
      args,
      options: {
        ...lettersOptions,
        ...filterOptions,
        'dry-run': { type: 'boolean', default: false },
        rate: { type: 'string' },
        edit: { type: 'string' },
      },
      allowPositionals: true,
    });
    const positions = positionals.map(parsePosition);
    const filter = readFilter(values);
    const letters = readLetters(values);
    const pace = createPace(values.rate);
    if (filter !== undefined && positions.length > 0) {
      throw new UsageError(
        'Positions and filters do not go together: name the dead letters, or filter them.',
      );
    }
    if (values.edit !== undefined && (positions.length !== 1 || letters.source !== topics.orders)) {
      throw new UsageError(`--edit takes exactly one PARTITION/OFFSET, of the topic ${topics.orders}.`);
    }
    const newValue = values.edit === undefined ? undefined : await readEdit(values.edit);

    await using offsets = await openTopicOffsets(cli.kafka);
    const held = await rangesOf(letters, offsets);
    if ((await offsets.ranges(letters.source)) === undefined) {
      throw new CommandError(`There is no topic ${letters.source} to send them back to.`);
    }
    const isWhole = filter === undefined && positions.length === 0;
    const named = new Set(positions.map(formatPosition));
    const selection: Selection = {
      letters,
      ranges: isWhole
        ? await fromCommitted(letters, held, offsets)
        : positions.length > 0
          ? rangesAround(positions, letters, held)
          : held,
      isWanted: filter ?? ((letter) => named.size === 0 || named.has(formatPosition(letter))),
      isWhole,
    };
    const { rows, oldest, edit } = await survey(selection, newValue, cli);
    if (rows.length === 0) {
      cli.print(`Nothing to replay in ${letters.topic}.`);
      return;
    }
    const replayed = () => findReplayed(letters, oldest, { kafka: cli.kafka, offsets, signal: cli.signal });
    if (values['dry-run']) printDryRun(rows, await replayed(), letters, cli);
    else await sendLetters(selection, { total: rows.length, edit, pace, replayed, cli });
  },
};

async function readEdit(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new CommandError(`--edit: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function fromCommitted(
  letters: Letters,
  held: readonly OffsetRange[],
  offsets: TopicOffsets,
): Promise<OffsetRange[]> {
  const committed = await offsets.committed(replayGroup(letters), letters.topic);
  return held.map((range) => {
    const next = committed.get(range.partition) ?? 0n;
    return { ...range, from: next > range.from ? next : range.from };
  });
}

/** Looks at everything before anything is sent. */
async function survey(
  { letters, ranges, isWanted }: Selection,
  newValue: Buffer | undefined,
  { kafka, signal }: Cli,
): Promise<{ rows: Row[]; oldest: Date; edit: Edit | undefined }> {
  const rows: Row[] = [];
  let oldest = new Date();
  let edit: Edit | undefined;
  await readRanges({
    kafka,
    topic: letters.topic,
    ranges,
    handle(records) {
      for (const letter of records.filter(isWanted)) {
        rows.push(rowOf(letter));
        if (letter.timestamp < oldest) oldest = letter.timestamp;
        if (newValue !== undefined) edit = editLetter(letter, newValue, letters, new Date());
      }
    },
    signal,
  });
  return { rows, oldest, edit };
}

function printDryRun(rows: readonly Row[], replayed: ReadonlySet<string>, letters: Letters, cli: Cli): void {
  const due = rows.filter((row) => !replayed.has(row.position));
  cli.print(`${due.length} would be sent to ${letters.source}${skippedText(rows.length - due.length)}`);
  if (due.length > 0) cli.print(`\n${rowsTable(due)}`);
}
