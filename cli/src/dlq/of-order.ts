import { type Kafka, openTopicOffsets, type ReceivedRecord, readRanges } from '@orderflow/messaging';
import { printableCell, table } from '../table.ts';
import { formatPosition, labelOf } from './dead-letter.ts';
import { orderIdOf } from './decode.ts';
import { formatTime } from './time.ts';

const suffix = '.dlq';

/** The dead letters of one order, whoever has set them aside, oldest first. Reads all that there are. */
export async function lettersOfOrder(
  orderId: string,
  { kafka, signal }: { readonly kafka: Kafka; readonly signal: AbortSignal },
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
        signal,
      }),
    ),
  );
  return found.sort((a, b) => labelOf(a).time.getTime() - labelOf(b).time.getTime());
}

/** A line for each of them; `topic` and `group` are what the other commands take. */
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
