import { openTopicOffsets, type ReceivedRecord, readRanges } from '@orderflow/messaging';
import type { Command } from '../cli.ts';
import { printableCell, table } from '../table.ts';
import { formatPosition, labelOf, rangesOf } from './dead-letter.ts';
import { decode } from './decode.ts';
import {
  FILTER_HELP,
  filterOptions,
  LETTERS_HELP,
  lettersOptions,
  parseOptions,
  readFilter,
  readLetters,
} from './options.ts';

const HELP = `Usage: pnpm orders dlq list [options]

Lists what lies in the dead letters now: first how many for each reason, then each one. "!" marks a record
that has come three times or more: replaying it again will hardly help before somebody has looked at it.

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
  const decoded = decode(letter.value, letter.headers);
  return {
    ...labelOf(letter),
    position: formatPosition(letter),
    orderId: decoded.ok ? decoded.orderId : undefined,
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

/** In UTC, to the second. */
function formatTime(time: Date | undefined): string {
  return time === undefined ? '' : `${time.toISOString().slice(0, 19).replace('T', ' ')}Z`;
}

/** `orders dlq list` */
export const list: Command = {
  help: HELP,
  async run(args, { kafka, print, signal }) {
    const { values } = parseOptions({ args, options: { ...lettersOptions, ...filterOptions } });
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
