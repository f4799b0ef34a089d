import { readFile } from 'node:fs/promises';
import { topics } from '@orderflow/contracts';
import { type OffsetRange, openTopicOffsets, type TopicOffsets } from '@orderflow/messaging';
import { auditTopic } from '../audit.ts';
import { type Cli, type Command, CommandError, UsageError } from '../cli.ts';
import { formatPosition, type Letters, parsePosition, rangesAround, rangesOf } from './dead-letter.ts';
import { type Edit, editLetter } from './edit.ts';
import {
  expectReason,
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
import { restoreLetter } from './restore.ts';
import { type Row, rowsTable } from './rows.ts';
import { replayGroup, type Selection, sendLetters, skippedText } from './send-letters.ts';
import { survey } from './survey.ts';

const HELP = `Usage: pnpm orders dlq replay [PARTITION/OFFSET ...] [options]

Sends dead letters back to the topic they came from: same bytes, key and headers. Without positions and
filters: all that were not replayed yet. May be interrupted or killed at any time; the same command resumes.

  --dry-run       only shows what would be sent
  --rate N/s      at most N records per second
  --edit FILE     sends the bytes of FILE instead of the content of one dead letter of ${topics.orders}. It must
                  be an order with the same order id (any id, if the dead letter's cannot be read). The
                  operator, the time and the SHA-256 of both are written to topic ${auditTopic} first.
${FILTER_HELP}
${LETTERS_HELP}

How replays are recognized: each replayed record has the header dlq_replay_of with the position of its dead
letter, and a dead letter whose record is in the source topic already, byte for byte, is not sent again. A
dead letter without headers or value is replaced by its source record; if that does not exist any more or
differs, it is refused, and the exit code is 1. A replay of all also commits its offsets, for consumer group
dlq-replay.<dead-letter topic>, after the broker's acknowledgement, and starts there the next time. A replayed
record that fails again gets a new dead letter, which can be replayed too. Only one replay runs at a time;
after a kill the next one waits until the session of the killed one has expired (KAFKA_SESSION_TIMEOUT).`;

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
        'Positions and filters cannot be combined: name the dead letters, or filter them.',
      );
    }
    if (values.edit !== undefined && (positions.length !== 1 || letters.source !== topics.orders)) {
      throw new UsageError(`--edit takes exactly one PARTITION/OFFSET, of the topic ${topics.orders}.`);
    }
    const newValue = values.edit === undefined ? undefined : await readEdit(values.edit);

    await using offsets = await openTopicOffsets(cli.kafka);
    const held = await rangesOf(letters, offsets);
    if ((await offsets.ranges(letters.source)) === undefined) {
      throw new CommandError(`Topic ${letters.source}, to which they would be replayed, does not exist.`);
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
    let edit: Edit | undefined;
    const { rows, oldest, expected, reasons } = await survey(selection, cli, async (letter) => {
      if (newValue === undefined) return;
      edit = editLetter(await restoreLetter(letter, cli), newValue, letters, new Date());
    });
    if (rows.length === 0) {
      expectReason(values.reason, reasons, letters.topic);
      cli.print(`Nothing to replay in ${letters.topic}.`);
      return;
    }
    const replayed = () => findReplayed(letters, { expected, since: oldest }, offsets, cli);
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

function printDryRun(rows: readonly Row[], replayed: ReadonlySet<string>, letters: Letters, cli: Cli): void {
  const due = rows.filter((row) => !replayed.has(row.position));
  cli.print(`${due.length} would be sent to ${letters.source}${skippedText(rows.length - due.length)}`);
  if (due.length > 0) cli.print(`\n${rowsTable(due)}`);
}
