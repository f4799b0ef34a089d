import { create, toBinary } from '@bufbuild/protobuf';
import { deadLetterTopic, groups, topics } from '@orderflow/contracts';
import { OrderSubmittedSchema } from '@orderflow/contracts/orderflow/order/event/v1/order_submitted';
import {
  createBatchConsumer,
  createKafka,
  createProducer,
  deadLetterSpec,
  ensureTopics,
  type Kafka,
  type OutgoingRecord,
  openTopicOffsets,
  type ReceivedRecord,
  readRanges,
  type TopicSpec,
} from '@orderflow/messaging';
import { createLogger, createMetrics, loadConfig } from '@orderflow/runtime';
import { eventually, testStack, uniqueName } from '@orderflow/testing';
import { type Config, settings } from '../src/config.ts';
import { run } from '../src/run.ts';

/** The topic of the dead letters of the orders worker. */
export const deadLetters = deadLetterTopic(topics.orders, groups.orderWorker);

const logger = createLogger({ service: 'test', level: 'silent' });

/** The topic `orders` and its dead letters behind a prefix of this test's own, and the program to be tested on them. */
export interface Bench {
  readonly kafka: Kafka;
  readonly env: Record<string, string>;
  /** Runs one command line; resolves to the exit code and what it said. */
  orders(...args: string[]): Promise<{ code: number; out: string; err: string }>;
  /** The same with more variables. */
  ordersWith(
    more: Record<string, string>,
    ...args: string[]
  ): Promise<{ code: number; out: string; err: string }>;
  send(records: readonly OutgoingRecord[]): Promise<void>;
  /** Writes dead letters as the worker does. */
  deadLetter(letters: readonly Letter[]): Promise<void>;
  /** Everything a topic holds now. */
  read(topic: string): Promise<ReceivedRecord[]>;
}

/** A dead letter to be written: what the record was, and what the label says. */
export interface Letter {
  readonly key?: string | Uint8Array | null;
  readonly value: string | Uint8Array | null;
  readonly headers?: Record<string, string | Buffer>;
  readonly reason?: string;
  readonly time?: string;
  readonly attempt?: number;
  /** Of the letter and its record; by the key when not given. */
  readonly partition?: number;
  /** Of its record on `orders`; when not given there is none. */
  readonly offset?: number;
}

/** @param options.partitions of both topics; one, so that positions are known, when not given. */
export async function createBench({ partitions = 1 } = {}): Promise<Bench> {
  const topicPrefix = `${uniqueName('cli')}.`;
  const kafkaBrokers = testStack().urls.KAFKA_BROKERS.split(',');
  const kafka = createKafka({ brokers: kafkaBrokers, clientId: 'test', topicPrefix, logger });
  const source: TopicSpec = { name: topics.orders, partitions, retention: 'unlimited' };
  await ensureTopics(kafka, [source, deadLetterSpec(source, groups.orderWorker)]);

  async function send(records: readonly OutgoingRecord[]): Promise<void> {
    const producer = createProducer(kafka);
    await producer.send(records);
    await producer.close();
  }

  const env = { ...testStack().urls, TOPIC_PREFIX: topicPrefix, KAFKA_SESSION_TIMEOUT: '1s' };

  async function ordersWith(more: Record<string, string>, ...args: string[]) {
    const config: Config = loadConfig(settings, { ...env, ...more });
    const out: string[] = [];
    const err: string[] = [];
    const code = await run(args, config, {
      print: (text) => void out.push(text),
      note: (text) => void err.push(text),
      signal: new AbortController().signal,
    });
    return { code, out: out.join('\n'), err: err.join('\n') };
  }

  return {
    kafka,
    env,
    orders: (...args) => ordersWith({}, ...args),
    ordersWith,
    send,
    deadLetter: (letters) =>
      send(
        letters.map(
          ({
            key = null,
            value,
            headers,
            reason = 'MALFORMED_JSON',
            time,
            attempt = 1,
            partition,
            offset = -1,
          }) => ({
            topic: deadLetters,
            ...(partition !== undefined && { partition }),
            key,
            value,
            headers: {
              ...headers,
              dlq_reason: reason,
              dlq_detail: 'a test',
              dlq_topic: topics.orders,
              dlq_partition: String(partition ?? 0),
              dlq_offset: String(offset),
              dlq_time: time ?? new Date().toISOString(),
              dlq_group: groups.orderWorker,
              dlq_attempt: String(attempt),
            },
          }),
        ),
      ),
    async read(topic) {
      await using offsets = await openTopicOffsets(kafka);
      const records: ReceivedRecord[] = [];
      await readRanges({
        kafka,
        topic,
        ranges: (await offsets.ranges(topic)) ?? [],
        handle: (some) => void records.push(...some),
      });
      return records;
    },
  };
}

/** A consumer of `orders` that dead-letters everything, until it has read `count` records in all. */
export async function deadLetterEverything(bench: Bench, count: number): Promise<void> {
  const consumer = createBatchConsumer({
    kafka: bench.kafka,
    groupId: groups.orderWorker,
    topics: [topics.orders],
    handle: async (records) => ({
      deadLetters: records.map((record) => ({ record, reason: 'MALFORMED_JSON', detail: 'a test' })),
    }),
    isOutage: () => false,
    logger,
    meter: createMetrics({ service: 'test' }).meter,
    sessionTimeoutMs: 3_000,
  });
  await consumer.start();
  try {
    await eventually(async () => (await bench.read(deadLetters)).length >= count);
  } finally {
    await consumer.stop();
  }
}

/** An order in protobuf. */
export function protobufOrder(orderId: string): Uint8Array {
  return toBinary(OrderSubmittedSchema, create(OrderSubmittedSchema, { orderId, customerId: 'c-1' }));
}

/** An order in the plain JSON shape. */
export function plainOrder(orderId: string): string {
  return JSON.stringify({ orderId, customerId: 'c-1', products: [{ productId: 'p-1', price: 9.99 }] });
}
