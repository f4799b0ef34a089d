import { openTopicOffsets, type ReceivedRecord, readRanges } from '@orderflow/messaging';
import { type Cli, type Command, UsageError } from '../cli.ts';
import { printableCell, table } from '../table.ts';
import { formatPosition, labelOf, rangesOf } from './dead-letter.ts';
import { orderIdOf } from './decode.ts';
import { lettersOfOrder, lettersOfOrderTable } from './of-order.ts';
import {
  FILTER_HELP,
  filterOptions,
  LETTERS_HELP,
  lettersOptions,
  parseOptions,
  readFilter,
  readLetters,
} from './options.ts';
import { formatTime } from './time.ts';

const HELP = `Usage: pnpm orders dlq list [options]

Lists what lies in the dead letters now: first how many for each reason, then each one. "!" marks a record
that has come three times or more: replaying it again will hardly help before somebody has looked at it.

  --order ID      those of one order, whoever has set them aside: in all dead letters
${FILTER_HELP}
${LETTERS_HELP}`;

/** A dead letter as one line says it. */
export interface Row {
  readonly position: string;
  readonly reason: string;
  readonly time: Date;
  readonly orderId: string | undefined;
  readonly attempts: number;
  readonly returnedOften: boolean;
  readonly bytes: number;
}

/** What one line says about a dead letter. */
export function rowOf(letter: ReceivedRecord): Row {
  return {
    ...labelOf(letter),
    position: formatPosition(letter),
    orderId: orderIdOf(letter),
    bytes: letter.value?.length ?? 0,
  };
}

/** A line for each of them. */
export function rowsTable(rows: readonly Row[]): string {
  return table(
    ['position', 'time', 'reason', 'order id', 'attempts', '', 'bytes'],
    rows.map((row) => [
      row.position,
      formatTime(row.time),
      printableCell(row.reason, 24),
      row.orderId === undefined ? '-' : printableCell(row.orderId, 20) || '-',
      row.attempts,
      row.returnedOften ? '!' : '',
      row.bytes,
    ]),
  );
}

/** How many there are for each reason, most first. */
export function histogram(rows: readonly Row[]): string {
  const counted = [...Map.groupBy(rows, (row) => row.reason)].map(([reason, those]) => {
    const times = those.map((row) => row.time).sort((a, b) => a.getTime() - b.getTime());
    return { reason, count: those.length, first: times[0], last: times.at(-1), example: those[0]?.position };
  });
  counted.sort((a, b) => b.count - a.count);
  return table(
    ['reason', 'count', 'first', 'last', 'example'],
    counted.map(({ reason, count, first, last, example }) => [
      printableCell(reason, 32),
      count,
      formatTime(first),
      formatTime(last),
      example ?? '',
    ]),
  );
}

/** `orders dlq list` */
export const list: Command = {
  help: HELP,
  async run(args, cli) {
    const { kafka, print, signal } = cli;
    const { values } = parseOptions({
      args,
      options: { ...lettersOptions, ...filterOptions, order: { type: 'string' } },
    });
    if (values.order !== undefined) {
      if (values.topic !== undefined || values.group !== undefined) {
        throw new UsageError('--order looks into all dead letters: leave out --topic and --group.');
      }
      return listOfOrder(values.order, readFilter(values), cli);
    }
    const letters = readLetters(values);
    const isWanted = readFilter(values) ?? (() => true);
    await using offsets = await openTopicOffsets(kafka);
    const rows: Row[] = [];
    await readRanges({
      kafka,
      topic: letters.topic,
      ranges: await rangesOf(letters, offsets),
      handle: (records) => void rows.push(...records.filter(isWanted).map(rowOf)),
      signal,
    });
    if (rows.length === 0) {
      print(`No dead letters in ${letters.topic}${readFilter(values) ? ' that match' : ''}.`);
      return;
    }
    rows.sort((a, b) => a.time.getTime() - b.time.getTime());
    print(`${rows.length} dead letters in ${letters.topic}\n`);
    print(`${histogram(rows)}\n`);
    print(rowsTable(rows));
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
