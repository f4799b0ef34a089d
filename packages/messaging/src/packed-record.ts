import { deserialize, serialize } from 'node:v8';
import type { IHeaders } from 'kafkajs';
import { type ReceivedRecord, receivedRecord } from './received-record.ts';

/** Where a record was read and what it held, byte for byte. */
interface Packed {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly time: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: IHeaders;
}

/** Serializes a record for storage: it may turn out later that it has to be dead-lettered. */
export function packRecord(record: ReceivedRecord): Uint8Array {
  const { topic, partition, offset, key, value, timestamp, rawHeaders: headers } = record;
  const time = timestamp.getTime();
  return serialize({ topic, partition, offset, time, key, value, headers } satisfies Packed);
}

/** Restores the record that {@link packRecord} was given. */
export function unpackRecord(bytes: Uint8Array): ReceivedRecord {
  const { topic, partition, offset, time, key, value, headers }: Packed = deserialize(bytes);
  return receivedRecord(topic, partition, {
    offset: String(offset),
    timestamp: String(time),
    attributes: 0,
    key: key && Buffer.from(key),
    value: value && Buffer.from(value),
    // A sender may have named a header __proto__.
    headers: Object.assign(Object.create(null), headers),
  });
}
