import { deadLetterTopic } from '@orderflow/contracts';
import { kafkaErrorType, messageOf } from './kafka-error.ts';
import type { OutgoingRecord, Producer } from './producer.ts';
import type { ReceivedRecord } from './received-record.ts';

/** A record that cannot be decided, and why. */
export interface SetAside {
  readonly record: ReceivedRecord;
  /** A word from docs/events.md, such as `PROCESSING_FAILED`. */
  readonly reason: string;
  /** A sentence for the person who looks at it; cut to 2 KiB. */
  readonly detail: string;
}

const MAX_DETAIL_BYTES = 2_048;
const MAX_SEND_BYTES = 786_432;

/**
 * The record as it goes to the dead letters: same key, value and headers, plus `dlq_*` headers that say why and where
 * from. `dlq_attempt` is 1, and one more each time a replayed record comes back.
 */
export function toDeadLetter(
  { record, reason, detail }: SetAside,
  group: string,
  time: Date,
): OutgoingRecord {
  const earlier = Number(record.headers['dlq_attempt']);
  return {
    topic: deadLetterTopic(record.topic, group),
    key: record.key,
    value: record.value,
    headers: {
      ...record.rawHeaders,
      dlq_reason: reason,
      dlq_detail: cut(detail, MAX_DETAIL_BYTES),
      dlq_topic: record.topic,
      dlq_partition: String(record.partition),
      dlq_offset: String(record.offset),
      dlq_time: time.toISOString(),
      dlq_group: group,
      dlq_attempt: String(Number.isSafeInteger(earlier) && earlier > 0 ? earlier + 1 : 1),
    },
  };
}

/** Resolves once the broker has acknowledged all of them. */
export async function sendDeadLetters(
  producer: Producer,
  group: string,
  setAside: readonly SetAside[],
): Promise<void> {
  const time = new Date();
  let batch: OutgoingRecord[] = [];
  let bytes = 0;
  for (const one of setAside) {
    const letter = toDeadLetter(one, group, time);
    const size = (one.record.value?.length ?? 0) + (one.record.key?.length ?? 0) + headerBytes(letter);
    // The limit of a topic is for what is sent at once, so many small letters could be refused like one large.
    if (batch.length > 0 && bytes + size > MAX_SEND_BYTES) {
      await send(producer, batch);
      batch = [];
      bytes = 0;
    }
    batch.push(letter);
    bytes += size;
  }
  await send(producer, batch);
}

/**
 * A letter that does not fit makes the partition wait: the record is safe where it is, and the topics are created
 * with room for it, so that somebody must have made the limit smaller.
 */
async function send(producer: Producer, batch: readonly OutgoingRecord[]): Promise<void> {
  try {
    await producer.send(batch);
  } catch (error) {
    const hint =
      kafkaErrorType(error) === 'MESSAGE_TOO_LARGE'
        ? "; raise its max.message.bytes to at least the source topic's and 64 KiB"
        : '';
    throw new Error(`cannot write to the dead letters ${batch[0]?.topic}: ${messageOf(error)}${hint}`, {
      cause: error,
    });
  }
}

function headerBytes(letter: OutgoingRecord): number {
  let bytes = 0;
  for (const [name, value] of Object.entries(letter.headers ?? {})) {
    const values = Array.isArray(value) ? value : [value ?? ''];
    for (const one of values) bytes += Buffer.byteLength(name) + Buffer.byteLength(one ?? '') + 10;
  }
  return bytes;
}

function cut(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  // Decoding as a stream leaves out the character that the cut would split.
  return bytes.length <= maxBytes
    ? text
    : new TextDecoder().decode(bytes.subarray(0, maxBytes), { stream: true });
}
