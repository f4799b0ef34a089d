import { openTopicOffsets, type ReceivedRecord } from '@orderflow/messaging';
import { type Cli, type Command, UsageError } from '../cli.ts';
import { printableCell } from '../table.ts';
import { rangesOf } from './dead-letter.ts';
import { lettersOfOrder, lettersOfOrderTable } from './of-order.ts';
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
import { findReplayed } from './replayed.ts';
import { histogram, rowsTable } from './rows.ts';
import { survey } from './survey.ts';

const HELP = `Usage: pnpm orders dlq list [options]

Lists dead letters: first the number for each reason, then each one. "!" marks a record that was
dead-lettered three times or more: another replay will hardly help before its cause is fixed. "replayed"
marks one that was sent back to its topic; if it failed again, it has a new dead letter.

  --order ID      the dead letters of one order, of all topics and groups
${FILTER_HELP}
${LETTERS_HELP}`;

/** `orders dlq list` */
export const list: Command = {
  help: HELP,
  async run(args, cli) {
    const { kafka, print } = cli;
    const { values } = parseOptions({
      args,
      options: { ...lettersOptions, ...filterOptions, order: { type: 'string' } },
    });
    if (values.order !== undefined) {
      if (values.topic !== undefined || values.group !== undefined) {
        throw new UsageError('--order searches all dead letters: leave out --topic and --group.');
      }
      return listOfOrder(values.order, readFilter(values), cli);
    }
    const letters = readLetters(values);
    const isWanted = readFilter(values) ?? (() => true);
    await using offsets = await openTopicOffsets(kafka);
    const found = await survey({ letters, ranges: await rangesOf(letters, offsets), isWanted }, cli);
    const { rows, expected, oldest, reasons } = found;
    if (rows.length === 0) {
      expectReason(values.reason, reasons, letters.topic);
      print(`No dead letters in ${letters.topic}${readFilter(values) ? ' that match' : ''}.`);
      return;
    }
    const replayed = await findReplayed(letters, { expected, since: oldest }, offsets, cli);
    rows.sort((a, b) => a.time.getTime() - b.time.getTime());
    print(`${rows.length} dead letters in ${letters.topic}\n`);
    print(`${histogram(rows)}\n`);
    print(rowsTable(rows, replayed));
  },
};

async function listOfOrder(
  orderId: string,
  isWanted: ((letter: ReceivedRecord) => boolean) | undefined,
  cli: Cli,
): Promise<void> {
  const letters = (await lettersOfOrder(orderId, cli)).filter((letter) => isWanted?.(letter) ?? true);
  const name = printableCell(orderId, 80);
  if (letters.length === 0) {
    cli.print(`No dead letters of order ${name}${isWanted ? ' that match' : ''}.`);
    return;
  }
  cli.print(`${letters.length} dead letters of order ${name}\n`);
  cli.print(lettersOfOrderTable(letters));
}
