import { type ICustomPartitioner, type IHeaders, Partitioners } from 'kafkajs';
import type { ClientOptions, Kafka } from './kafka.ts';
import { UnencodableRecordError } from './kafka-error.ts';

/** A record to write. `topic` is without the prefix; a `null` value is a tombstone. */
export interface OutgoingRecord {
  readonly topic: string;
  readonly key: string | Uint8Array | null;
  readonly value: string | Uint8Array | null;
  /** A header without a value is `null` on Kafka; a repeated header is a list. */
  readonly headers?: IHeaders;
  /** The partition, modulo the number of partitions of the topic. Chosen by the key when not given. */
  readonly partition?: number;
}

export interface Producer {
  /**
   * Resolves when all in-sync replicas have every record. Records of one key keep their order if the caller waits for
   * one send before it starts the next. After a rejection any of the records may have been written; none after an
   * `UnencodableRecordError`.
   */
  send(records: readonly OutgoingRecord[]): Promise<void>;
  /** Does not wait for sends in flight: finish them first. */
  close(): Promise<void>;
}

/**
 * Creates a producer that connects with its first send. It is not idempotent in Kafka's sense (kafkajs calls that
 * experimental): duplicates carry the same event id, and every consumer is prepared for them.
 */
export function createProducer(kafka: Kafka, options: ClientOptions = {}): Producer {
  const producer = kafka.client(options).producer({
    createPartitioner,
    allowAutoTopicCreation: false,
    idempotent: false,
    maxInFlightRequests: 1,
  });
  let connected: Promise<void> | undefined;

  async function connect(): Promise<void> {
    connected ??= producer.connect();
    try {
      await connected;
    } catch (error) {
      connected = undefined;
      throw error;
    }
  }

  return {
    async send(records) {
      if (records.length === 0) return;
      for (const record of records) assertEncodable(record);
      await connect();
      const byTopic = Map.groupBy(records, (record) => record.topic);
      await producer.sendBatch({
        acks: -1,
        topicMessages: [...byTopic].map(([topic, messages]) => ({
          topic: kafka.physicalName(topic),
          messages: messages.map(({ key, value, headers = {}, partition }) => ({
            key: bytes(key),
            value: bytes(value),
            headers,
            ...(partition !== undefined && { partition }),
          })),
        })),
      });
    },
    async close() {
      if (connected !== undefined) await producer.disconnect();
    },
  };
}

/** The types guarantee it, but rows and dead letters come from a store or from other senders. */
function assertEncodable({ topic, key, value, headers = {} }: OutgoingRecord): void {
  const parts: [name: string, part: unknown][] = [
    ['key', key],
    ['value', value],
  ];
  for (const name of Object.keys(headers)) {
    const given: unknown = headers[name];
    if (Array.isArray(given)) for (const one of given) parts.push([`header ${name}`, one]);
    else parts.push([`header ${name}`, given ?? null]);
  }
  for (const [name, part] of parts) {
    if (part === null || typeof part === 'string' || part instanceof Uint8Array) continue;
    throw new UnencodableRecordError(
      `${name} of a record for ${topic} is neither text nor bytes but ${typeof part}`,
    );
  }
}

/** Converts to a Buffer: kafkajs turns a Uint8Array that is not a Buffer into text. */
function bytes(data: string | Uint8Array | null): Buffer | string | null {
  if (!(data instanceof Uint8Array) || Buffer.isBuffer(data)) return data;
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

/** The partitioner of the Java client, so that producers in any language agree on the partition of a key. */
const createPartitioner: ICustomPartitioner = () => {
  const byKey = Partitioners.DefaultPartitioner();
  return (args) => {
    const { partition } = args.message;
    return partition === undefined ? byKey(args) : partition % args.partitionMetadata.length;
  };
};
