import { type IHeaders, Partitioners } from 'kafkajs';
import type { ClientOptions, Kafka } from './kafka.ts';

/** A record to be written. `topic` is without the prefix; a `null` value is a tombstone. */
export interface OutgoingRecord {
  readonly topic: string;
  readonly key: string | Uint8Array | null;
  readonly value: string | Uint8Array | null;
  readonly headers?: IHeaders;
}

export interface Producer {
  /**
   * Resolves when all in-sync replicas have every record. Records of one key keep their order if the caller waits for
   * one send before it starts the next. After a rejection any of the records may have been written.
   */
  send(records: readonly OutgoingRecord[]): Promise<void>;
  /** Waits for nothing: finish your sends first. */
  close(): Promise<void>;
}

/**
 * A producer that connects with its first send. Not idempotent in Kafka's sense (kafkajs calls that experimental):
 * repeats carry the same event id, and every reader is prepared for them.
 */
export function createProducer(kafka: Kafka, options: ClientOptions = {}): Producer {
  const producer = kafka.client(options).producer({
    // The partitioner of the Java client: every producer in any language agrees where a key belongs.
    createPartitioner: Partitioners.DefaultPartitioner,
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
      await connect();
      const byTopic = Map.groupBy(records, (record) => record.topic);
      await producer.sendBatch({
        acks: -1,
        topicMessages: [...byTopic].map(([topic, messages]) => ({
          topic: kafka.physicalName(topic),
          messages: messages.map(({ key, value, headers = {} }) => ({
            key: bytes(key),
            value: bytes(value),
            headers: withoutNulls(headers),
          })),
        })),
      });
    },
    async close() {
      if (connected !== undefined) await producer.disconnect();
    },
  };
}

/** kafkajs turns a Uint8Array that is no Buffer into text. */
function bytes(data: string | Uint8Array | null): Buffer | string | null {
  if (!(data instanceof Uint8Array) || Buffer.isBuffer(data)) return data;
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

/** kafkajs cannot write a header without a value, although it reads them: it becomes an empty one. */
function withoutNulls(headers: IHeaders): IHeaders {
  // Nearly all have text only, and a copy of each would be a tenth of what sending costs.
  if (Object.values(headers).every((value) => typeof value === 'string')) return headers;
  const orEmpty = (value: Buffer | string | undefined | null) => value ?? '';
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.map(orEmpty) : orEmpty(value),
    ]),
  );
}
