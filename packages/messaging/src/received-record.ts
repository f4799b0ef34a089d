import type { IHeaders, KafkaMessage } from 'kafkajs';
import { headerText } from './envelope.ts';

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
  /** The bytes, for those who pass them on. */
  readonly rawHeaders: IHeaders;
  readonly timestamp: Date;
}

export function receivedRecord(topic: string, partition: number, message: KafkaMessage): ReceivedRecord {
  const rawHeaders = message.headers ?? {};
  const headers: [string, string][] = [];
  for (const [name, value] of Object.entries(rawHeaders)) {
    const text = headerText(value);
    if (text !== undefined) headers.push([name, text]);
  }
  const timestamp = new Date(Number(message.timestamp));
  return {
    topic,
    partition,
    offset: BigInt(message.offset),
    key: message.key,
    value: message.value,
    headers: Object.fromEntries(headers),
    rawHeaders,
    // Producers choose it, and may choose what no Date can hold.
    timestamp: Number.isNaN(timestamp.getTime()) ? new Date(0) : timestamp,
  };
}
