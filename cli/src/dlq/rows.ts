import type { ReceivedRecord } from '@orderflow/messaging';
import { printableCell, table } from '../table.ts';
import { formatPosition, labelOf } from './dead-letter.ts';
import { orderIdOf } from './decode.ts';
import { formatTime } from './time.ts';

/** The line of a dead letter in a table. */
export interface Row {
  readonly position: string;
  readonly reason: string;
  readonly time: Date;
  readonly orderId: string | undefined;
  readonly attempts: number;
  readonly returnedOften: boolean;
  readonly bytes: number;
}

/** The line of a dead letter. */
export function rowOf(letter: ReceivedRecord): Row {
  return {
    ...labelOf(letter),
    position: formatPosition(letter),
    orderId: orderIdOf(letter),
    bytes: letter.value?.length ?? 0,
  };
}

/** Formats the lines as a table. `replayed`: the positions of those that were replayed already. */
export function rowsTable(rows: readonly Row[], replayed: ReadonlySet<string> = new Set()): string {
  return table(
    ['position', 'time', 'reason', 'order id', 'attempts', '', 'bytes'],
    rows.map((row) => [
      row.position,
      formatTime(row.time),
      printableCell(row.reason, 24),
      row.orderId === undefined ? '-' : printableCell(row.orderId, 20) || '-',
      row.attempts,
      [row.returnedOften && '!', replayed.has(row.position) && 'replayed'].filter(Boolean).join(' '),
      row.bytes,
    ]),
  );
}

/** Formats the number of dead letters for each reason, most first. */
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
