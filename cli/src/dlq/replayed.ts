import {
  type Kafka,
  type OutgoingRecord,
  type ReceivedRecord,
  readRanges,
  type TopicOffsets,
} from '@orderflow/messaging';
import { formatPosition, type Letters } from './dead-letter.ts';

/** The header of a replayed record: `<topic of the dead letters>/<partition>/<offset>`. */
const REPLAY_OF = 'dlq_replay_of';

/** What stays of the labels: which dead letter it is, how often it has come, and who has edited it. */
const KEPT = new Set([REPLAY_OF, 'dlq_attempt', 'dlq_edited_by']);

/** How far the clocks of the machines that set aside and replay may differ. */
const CLOCK_DIFFERENCE_MS = 3_600_000;

/** The record as it goes back: the same bytes, key and headers, but for the labels of the dead letters. */
export function toReplay(letter: ReceivedRecord, letters: Letters): OutgoingRecord {
  const own = Object.entries(letter.rawHeaders).filter(
    ([name]) => !name.startsWith('dlq_') || KEPT.has(name),
  );
  return {
    topic: letters.source,
    key: letter.key,
    value: letter.value,
    headers: { ...Object.fromEntries(own), [REPLAY_OF]: `${letters.topic}/${formatPosition(letter)}` },
  };
}

/**
 * The positions that have been replayed, as `formatPosition` writes them: those that the source topic says it holds.
 * @param since the timestamp of the oldest dead letter in question; nothing of them was replayed before that.
 */
export async function findReplayed(
  letters: Letters,
  since: Date,
  { kafka, offsets, signal }: { kafka: Kafka; offsets: TopicOffsets; signal: AbortSignal },
): Promise<Set<string>> {
  const replayed = new Set<string>();
  const prefix = `${letters.topic}/`;
  const ranges = await offsets.ranges(letters.source, {
    since: new Date(Math.max(0, since.getTime() - CLOCK_DIFFERENCE_MS)),
  });
  await readRanges({
    kafka,
    topic: letters.source,
    ranges: ranges ?? [],
    handle(records) {
      for (const { headers } of records) {
        const of = headers[REPLAY_OF];
        if (of?.startsWith(prefix)) replayed.add(of.slice(prefix.length));
      }
    },
    signal,
  });
  return replayed;
}
