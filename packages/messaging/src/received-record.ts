import type { IHeaders, KafkaMessage } from 'kafkajs';
import { headerText } from './envelope.ts';
import { MAX_HEADER_BYTES, MAX_HEADERS, OversizedHeaders } from './oversized-headers.ts';

/** The memory that the headers of a batch may take, decoded. */
const MAX_BATCH_HEADER_COST = 4_194_304;
const HEADER_COST = 128;

/** A record as it was read. */
export interface ReceivedRecord {
  /** Without the prefix. */
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly key: Buffer | null;
  /** `null` for a tombstone. */
  readonly value: Buffer | null;
  /** As text; the last value where a header is repeated. */
  readonly headers: Readonly<Record<string, string>>;
  /** As bytes, for republishing; `null` for a header without a value, a list for a repeated one. */
  readonly rawHeaders: IHeaders;
  /** Set when the headers exceed the limits. Each access to `headers` and `rawHeaders` then decodes them again. */
  readonly oversizedHeaders?: OversizedHeaders;
  readonly timestamp: Date;
}

/**
 * What the patched kafkajs reports about the headers of a record without decoding them; absent in old message formats.
 */
interface MeasuredHeaders {
  readonly headerCount?: number;
  readonly headerBytes?: number;
  readonly encodedHeaders?: Buffer;
}

export function receivedRecord(
  topic: string,
  partition: number,
  message: KafkaMessage & MeasuredHeaders,
): ReceivedRecord {
  const oversizedHeaders = oversizedHeadersOf(message);
  const rest = {
    topic,
    partition,
    offset: BigInt(message.offset),
    key: message.key,
    value: message.value,
    timestamp: timestampOf(message),
  };
  if (oversizedHeaders !== undefined) {
    return {
      ...rest,
      get headers() {
        return textHeaders(message.headers ?? {});
      },
      get rawHeaders() {
        return message.headers ?? {};
      },
      oversizedHeaders,
    };
  }
  const rawHeaders = message.headers ?? {};
  return { ...rest, headers: textHeaders(rawHeaders), rawHeaders };
}

/**
 * Returns the next batch of the messages of a fetch: at most `maxRecords`, fewer where their headers take much memory.
 * Oversized headers do not count: they stay encoded.
 */
export function receivedBatch(
  topic: string,
  partition: number,
  messages: readonly (KafkaMessage & MeasuredHeaders)[],
  { start, maxRecords }: { readonly start: number; readonly maxRecords: number },
): ReceivedRecord[] {
  const batch: ReceivedRecord[] = [];
  let cost = 0;
  for (const message of messages.slice(start, start + maxRecords)) {
    const record = receivedRecord(topic, partition, message);
    batch.push(record);
    if (record.oversizedHeaders !== undefined) continue;
    cost += HEADER_COST * (message.headerCount ?? 0) + (message.headerBytes ?? 0);
    if (cost >= MAX_BATCH_HEADER_COST) break;
  }
  return batch;
}

function oversizedHeadersOf({
  headerCount = 0,
  headerBytes = 0,
  encodedHeaders,
}: MeasuredHeaders): OversizedHeaders | undefined {
  if (encodedHeaders === undefined) return undefined;
  if (headerCount <= MAX_HEADERS && headerBytes <= MAX_HEADER_BYTES) return undefined;
  return new OversizedHeaders(encodedHeaders, headerCount, headerBytes);
}

function textHeaders(rawHeaders: IHeaders): Record<string, string> {
  // Without a prototype, like those of kafkajs: senders choose the names.
  const headers: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(rawHeaders)) {
    const text = headerText(value);
    if (text !== undefined) headers[name] = text;
  }
  return headers;
}

/** The record's timestamp. Producers choose it; one that a Date cannot hold becomes 1970. */
export function timestampOf({ timestamp }: Pick<KafkaMessage, 'timestamp'>): Date {
  const time = new Date(Number(timestamp));
  return Number.isNaN(time.getTime()) ? new Date(0) : time;
}
