import { setImmediate } from 'node:timers/promises';
import { deadLetterTopic } from '@orderflow/contracts';
import type { Logger } from '@orderflow/runtime';
import type { IHeaders } from 'kafkajs';
import { contentDigest } from '../content-digest.ts';
import { isPermanentRefusal, messageOf } from '../kafka-error.ts';
import type { OutgoingRecord, Producer } from '../producer.ts';
import type { ReceivedRecord } from '../received-record.ts';
import type { UndecodableBatchError } from '../undecodable.ts';

/** A record that will never be handled successfully, and why. */
export interface DeadLetter {
  readonly record: ReceivedRecord;
  /**
   * The record whose handling revealed it, when that is another one, perhaps of another partition: the dead letter is
   * acknowledged before the offset of that record is committed.
   */
  readonly detectedBy?: ReceivedRecord;
  /** A word from docs/events.md, such as `PROCESSING_FAILED`. */
  readonly reason: string;
  /** A sentence for the operator; cut to 2 KiB. */
  readonly detail: string;
}

const MAX_DETAIL_BYTES = 2_048;
const MAX_LOGGED_DETAIL_BYTES = 256;
/** Limits the log lines that a flood of bad records can cause. */
const LOGGED_AT_ONCE = 10;
const MAX_SEND_BYTES = 786_432;
/** Added to the bytes of a header: a dead letter holds headers as objects until it is sent. */
const HEADER_COST = 40;
/** A dead letter with more headers would need more memory than everything else that is sent with it: it omits them. */
const MAX_LETTER_HEADERS = 20_000;
/** The largest key or header that a reduced dead letter keeps. */
const MAX_KEPT_BYTES = 512;

/** What a dead letter omits when the broker refuses it whole, least first. */
const reductions = ['headers', 'headers,value'] as const;
type Omitted = (typeof reductions)[number];

/**
 * Converts a record to its dead letter: same key, value and headers, plus `dlq_*` headers that say why and where it
 * came from. `dlq_attempt` is 1, and one more each time a replayed record returns. The dead letter goes to the same
 * partition number as its record, because hashing a key that a sender chose could be made expensive by that sender.
 * @param omitted what is omitted: `dlq_omitted` names it, and `dlq_sha256` is the `contentDigest` of the whole record.
 */
export function toDeadLetter(
  { record, reason, detail }: DeadLetter,
  { group, time, omitted }: { group: string; time: Date; omitted?: Omitted },
): OutgoingRecord {
  const earlier = Number(headerOf(record, 'dlq_attempt'));
  const attempt = Number.isSafeInteger(earlier) && earlier > 0 ? earlier + 1 : 1;
  const withoutValue = omitted === 'headers,value';
  const withoutKey = withoutValue && (record.key?.length ?? 0) > MAX_KEPT_BYTES;
  return {
    topic: deadLetterTopic(record.topic, group),
    partition: record.partition,
    key: withoutKey ? null : record.key,
    value: withoutValue ? null : record.value,
    headers: {
      ...(omitted === undefined ? ownHeaders(record) : bookkeepingOf(record)),
      dlq_reason: reason,
      dlq_detail: cut(detail, MAX_DETAIL_BYTES),
      dlq_topic: record.topic,
      dlq_partition: String(record.partition),
      dlq_offset: String(record.offset),
      dlq_time: time.toISOString(),
      dlq_group: group,
      dlq_attempt: String(attempt),
      ...(omitted !== undefined && {
        dlq_omitted: withoutKey ? `${omitted},key` : omitted,
        dlq_sha256: contentDigest(record),
      }),
    },
  };
}

function ownHeaders({ rawHeaders }: ReceivedRecord): IHeaders {
  // Only this function may set these two.
  const { dlq_omitted: _, dlq_sha256: __, ...own } = rawHeaders;
  return own;
}

/** Returns a header without decoding all headers, which `record.headers` would do. */
function headerOf(record: ReceivedRecord, name: string): string | undefined {
  return record.oversizedHeaders === undefined ? record.headers[name] : record.oversizedHeaders.text(name);
}

/** The headers that say which dead letter the record is a replay of, if they are short, as those of a replay are. */
function bookkeepingOf(record: ReceivedRecord): Record<string, string> {
  const copied = ['dlq_replay_of', 'dlq_edited_by'].flatMap((name) => {
    const value = headerOf(record, name);
    return value !== undefined && value.length <= MAX_KEPT_BYTES ? [[name, value] as const] : [];
  });
  return Object.fromEntries(copied);
}

/**
 * Resolves after the broker has acknowledged all of them. A dead letter that the broker permanently refuses, or that
 * has more than 20,000 headers, is sent without the record's headers, then also without its value: the record is still
 * on its topic, and the dead letter says where.
 * @returns how many dead letters were reduced
 */
export async function sendDeadLetters(
  producer: Producer,
  group: string,
  deadLetters: readonly DeadLetter[],
): Promise<number> {
  const time = new Date();
  let reduced = 0;
  let batch: Letter[] = [];
  let bytes = 0;
  for (const one of deadLetters) {
    const less = (omitted: Omitted) => toDeadLetter(one, { group, time, omitted });
    const isReduced = (one.record.oversizedHeaders?.count ?? 0) > MAX_LETTER_HEADERS;
    const first = isReduced ? less('headers') : toDeadLetter(one, { group, time });
    const size = (one.record.value?.length ?? 0) + (one.record.key?.length ?? 0) + headerBytes(first);
    // A topic limits the size of one request, so many small dead letters could be refused like a large one.
    if (batch.length > 0 && bytes + size > MAX_SEND_BYTES) {
      reduced += await send(producer, batch);
      batch = [];
      bytes = 0;
    }
    batch.push({ first, isReduced, less });
    bytes += size;
    // The sender chooses the number of headers: heartbeats run between two such records.
    if (one.record.oversizedHeaders !== undefined) await setImmediate();
  }
  return reduced + (await send(producer, batch));
}

/**
 * Sends a dead letter without key, value and headers for a batch that cannot be decoded: it says which offsets and why.
 * Resolves after it is acknowledged.
 * @param label.offset the position of the group, inside the batch or before it
 */
export async function sendUndecodableLetter(
  producer: Producer,
  { topic, partition, lastOffset, message }: UndecodableBatchError,
  label: { group: string; offset: bigint; reason: string; detail: string },
): Promise<void> {
  const { group, offset, reason, detail } = label;
  await producer.send([
    {
      topic: deadLetterTopic(topic, group),
      partition,
      key: null,
      value: null,
      headers: {
        dlq_reason: reason,
        dlq_detail: cut(`${detail}: ${message}`, MAX_DETAIL_BYTES),
        dlq_topic: topic,
        dlq_partition: String(partition),
        dlq_offset: String(offset),
        dlq_last_offset: String(lastOffset),
        dlq_time: new Date().toISOString(),
        dlq_group: group,
        dlq_attempt: '1',
        dlq_omitted: 'headers,value,key',
      },
    },
  ]);
}

/** Logs a warning for each of the first 10 dead letters of a batch, and the number of the others. */
export function logDeadLetters(logger: Logger, deadLetters: readonly DeadLetter[]): void {
  for (const { record, reason, detail } of deadLetters.slice(0, LOGGED_AT_ONCE)) {
    const { topic, partition, offset } = record;
    logger.warn(
      { topic, partition, offset: String(offset), reason, detail: cut(detail, MAX_LOGGED_DETAIL_BYTES) },
      `record dead-lettered: ${reason}`,
    );
  }
  const count = deadLetters.length - LOGGED_AT_ONCE;
  if (count > 0) logger.warn({ count }, 'more records of the same batch dead-lettered');
}

interface Letter {
  /** The first attempt: the complete record, unless it `isReduced` from the start. */
  readonly first: OutgoingRecord;
  readonly isReduced: boolean;
  readonly less: (omitted: Omitted) => OutgoingRecord;
}

async function send(producer: Producer, letters: readonly Letter[]): Promise<number> {
  if (
    await isTaken(
      producer,
      letters.map(({ first }) => first),
    )
  )
    return letters.filter(({ isReduced }) => isReduced).length;
  let reduced = 0;
  for (const letter of letters) {
    // Some may be written twice: their headers identify them as duplicates.
    if (letters.length > 1 && (await isTaken(producer, [letter.first]))) reduced += Number(letter.isReduced);
    else {
      await sendReduced(producer, letter);
      reduced += 1;
    }
  }
  return reduced;
}

async function sendReduced(producer: Producer, { first, less }: Letter): Promise<void> {
  for (const omitted of reductions) if (await isTaken(producer, [less(omitted)])) return;
  throw new Error(
    `the broker refuses the dead letters of ${first.topic} even without key, headers and value; ` +
      "raise its max.message.bytes to at least the source topic's and 64 KiB",
  );
}

/** Sends records. Returns false when the broker permanently refuses them. @throws any other error, such as an outage */
async function isTaken(producer: Producer, records: readonly OutgoingRecord[]): Promise<boolean> {
  try {
    await producer.send(records);
    return true;
  } catch (error) {
    if (isPermanentRefusal(error)) return false;
    throw new Error(`cannot write to the dead letters ${records[0]?.topic}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function headerBytes(letter: OutgoingRecord): number {
  let bytes = 0;
  for (const [name, value] of Object.entries(letter.headers ?? {})) {
    const values = Array.isArray(value) ? value : [value ?? ''];
    for (const one of values) bytes += Buffer.byteLength(name) + Buffer.byteLength(one ?? '') + HEADER_COST;
  }
  return bytes;
}

function cut(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  // Decoding as a stream drops the character that the cut would split.
  return bytes.length <= maxBytes
    ? text
    : new TextDecoder().decode(bytes.subarray(0, maxBytes), { stream: true });
}
