import { openTopicOffsets, type ReceivedRecord, readRanges } from '@orderflow/messaging';
import type { Cli } from '../cli.ts';
import { printableCell, table } from '../table.ts';
import { formatPosition, labelOf } from './dead-letter.ts';
import { orderIdOf } from './decode.ts';
import { formatTime } from './time.ts';

const suffix = '.dlq';

/** Reads the dead letters of one order, of all topics and groups, oldest first. Reads all dead letters. */
export async function lettersOfOrder(
  orderId: string,
  { kafka, note, signal }: Cli,
): Promise<ReceivedRecord[]> {
  await using offsets = await openTopicOffsets(kafka);
  const names = (await offsets.topics()).filter((name) => name.endsWith(suffix));
  const found: ReceivedRecord[] = [];
  await Promise.all(
    names.map(async (topic) =>
      readRanges({
        kafka,
        topic,
        ranges: (await offsets.ranges(topic)) ?? [],
        handle: (records) => void found.push(...records.filter((letter) => orderIdOf(letter) === orderId)),
        onUndecodable: ({ message }) => note(`skipped: ${message}`),
        signal,
      }),
    ),
  );
  return found.sort((a, b) => labelOf(a).time.getTime() - labelOf(b).time.getTime());
}

/** A table with a line for each; `topic` and `group` are options of the other commands. */
export function lettersOfOrderTable(letters: readonly ReceivedRecord[]): string {
  return table(
    ['topic', 'group', 'position', 'time', 'reason', 'attempts', '', ''],
    letters.map((letter) => {
      const { reason, time, attempts, returnedOften } = labelOf(letter);
      const name = letter.topic.slice(0, -suffix.length);
      const dot = name.lastIndexOf('.');
      return [
        name.slice(0, dot),
        name.slice(dot + 1),
        formatPosition(letter),
        formatTime(time),
        printableCell(reason, 24),
        attempts,
        returnedOften ? '!' : '',
        printableCell(letter.headers['dlq_detail'] ?? '', 400),
      ];
    }),
  );
}
