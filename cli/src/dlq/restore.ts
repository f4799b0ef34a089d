import {
  contentDigest,
  type Kafka,
  openTopicOffsets,
  type ReceivedRecord,
  readRanges,
} from '@orderflow/messaging';
import { CommandError } from '../cli.ts';
import { formatPosition } from './dead-letter.ts';

/** Whether the broker had refused the whole dead letter, so that it has a digest instead of headers or value. */
export function isReduced({ headers }: ReceivedRecord): boolean {
  return headers['dlq_omitted'] !== undefined;
}

/**
 * Restores the whole record of a dead letter: a reduced one from its source.
 * @throws CommandError when the source record does not exist any more, or is another one.
 */
export async function restoreLetter(
  letter: ReceivedRecord,
  { kafka, signal }: { readonly kafka: Kafka; readonly signal: AbortSignal },
): Promise<ReceivedRecord> {
  if (!isReduced(letter)) return letter;
  const { headers, rawHeaders } = letter;
  const topic = headers['dlq_topic'] ?? '';
  const at = { partition: Number(headers['dlq_partition']), offset: BigInt(headers['dlq_offset'] ?? 0) };
  const where = `${topic}/${formatPosition(at)}`;
  const refuse = (why: string) =>
    new CommandError(`The dead letter ${formatPosition(letter)} is incomplete, and ${where} ${why}.`);

  // A batch skipped by an operator: there was no record to take a digest of.
  if (headers['dlq_sha256'] === undefined) throw refuse('begins a batch that cannot be decoded');
  await using offsets = await openTopicOffsets(kafka);
  const held = (await offsets.ranges(topic))?.find(({ partition }) => partition === at.partition);
  if (held === undefined || at.offset < held.from || at.offset >= held.to)
    throw refuse('does not exist any more');
  const found: ReceivedRecord[] = [];
  await readRanges({
    kafka,
    topic,
    ranges: [{ partition: at.partition, from: at.offset, to: at.offset + 1n }],
    handle: (records) => void found.push(...records),
    onUndecodable() {
      throw refuse('is in a batch that cannot be decoded');
    },
    signal,
  });
  const [source] = found;
  if (source === undefined) throw refuse('does not exist any more');
  if (contentDigest(source) !== headers['dlq_sha256'])
    throw refuse('is another record now (its SHA-256 differs)');
  return {
    ...letter,
    key: source.key,
    value: source.value,
    headers: { ...withoutLabels(source.headers), ...headers },
    rawHeaders: { ...withoutLabels(source.rawHeaders), ...rawHeaders },
  };
}

function withoutLabels<T>(headers: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith('dlq_')));
}
