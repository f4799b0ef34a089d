import { groups, topics } from '@orderflow/contracts';
import type { Stores } from '@orderflow/local/stores';
import { registerCodecs } from '@orderflow/messaging';
import { eventually } from '@orderflow/testing/eventually';
import { CompressionTypes } from 'kafkajs';

/** A record as kafkajs sends it; the partition is given, so that no key is hashed here. */
interface AttackRecord {
  readonly partition: number;
  readonly key?: Buffer;
  readonly value: Buffer;
  readonly headers?: Record<string, string>;
}

const PARTITIONS = 3;

/** Writes to `orders`, and waits until the worker has read all of it. */
async function sendToWorker(
  { env }: { readonly env: Readonly<Record<string, string>> },
  stores: Stores,
  records: readonly AttackRecord[],
  compression: CompressionTypes = CompressionTypes.None,
): Promise<void> {
  const topic = `${env['TOPIC_PREFIX'] ?? ''}${topics.orders}`;
  for (const record of records) {
    await stores.producer.send({ topic, acks: -1, compression, messages: [record] });
  }
  await eventually(async () => (await stores.lag(topics.orders, groups.orderWorker)) === 0, {
    timeoutMs: 60_000,
    intervalMs: 100,
  });
}

type Target = Parameters<typeof sendToWorker>[0];

/** Values of a megabyte that consist of empty lines. */
export function expandingValues(target: Target, stores: Stores, bytes: number): Promise<void> {
  const protobuf = Buffer.alloc(bytes, Buffer.from([0x1a, 0x00]));
  const json = Buffer.from(
    `{"orderId":"o","lines":[${Array(Math.floor(bytes / 3))
      .fill('{}')
      .join(',')}]}`,
  );
  const values = Array.from({ length: 12 }, (_, index) =>
    index % 2 === 0 ? protobuf : json.subarray(0, bytes),
  );
  return sendToWorker(
    target,
    stores,
    values.map((value, index) => ({ partition: index % PARTITIONS, value })),
  );
}

/** Many small headers in one record. */
export function manyHeaders(target: Target, stores: Stores, count: number): Promise<void> {
  const headers = Object.fromEntries(Array.from({ length: count }, (_, index) => [`h${index}`, '']));
  return sendToWorker(
    target,
    stores,
    Array.from({ length: PARTITIONS }, (_, partition) => ({
      partition,
      headers,
      value: Buffer.from('{nonsense'),
    })),
  );
}

/** Long keys of unreadable records, which have to be dead-lettered. */
export function longKeys(target: Target, stores: Stores, bytes: number): Promise<void> {
  const key = Buffer.alloc(bytes, 0xfe);
  return sendToWorker(
    target,
    stores,
    Array.from({ length: PARTITIONS }, (_, partition) => ({ partition, key, value: Buffer.from('{') })),
  );
}

/** Records that are small only while they are compressed. */
export async function compressedValues(target: Target, stores: Stores, bytes: number): Promise<void> {
  // kafkajs itself knows gzip only.
  registerCodecs();
  const value = Buffer.concat([Buffer.from('{"orderId":"'), Buffer.alloc(bytes, 0x61)]);
  for (const codec of ['GZIP', 'Snappy', 'LZ4', 'ZSTD'] as const) {
    await sendToWorker(
      target,
      stores,
      Array.from({ length: PARTITIONS }, (_, partition) => ({ partition, value })),
      CompressionTypes[codec],
    );
  }
}
