import { MikroORM } from '@mikro-orm/postgresql';
import { type Component, createLogger, createMetrics } from '@orderflow/runtime';
import { type Database, databaseOf, listenWith, ownConnection, type Sql } from '@orderflow/storage';
import { createDatabase, testStack, uniqueName } from '@orderflow/testing';
import {
  createKafka,
  createProducer,
  ensureTopics,
  type Kafka,
  type OutboxMessage,
  outboxMigration,
  outboxSendableMigration,
  type RelayOptions,
  type TopicSpec,
} from '../src/index.ts';
import { type ReceivedRecord, receivedRecord } from '../src/received-record.ts';

export type LogLine = Record<string, unknown> & { level: string; msg: string };

/** A logger whose lines a test can read, without those of kafkajs. */
export function recordingLogger() {
  const lines: LogLine[] = [];
  const logger = createLogger({
    service: 'test',
    level: 'debug',
    destination: { write: (line) => void lines.push(JSON.parse(line)) },
  });
  return { logger, lines: () => lines.filter((line) => line['kafkajs'] === undefined) };
}

/**
 * Metrics of one test. `value` adds up all series of a metric, 0 when there are none; `series` are those that there
 * are, by partition.
 */
export function testMetrics() {
  const metrics = createMetrics({ service: 'test' });
  const linesOf = async (name: string) =>
    (await metrics.prometheus()).split('\n').filter((line) => line.startsWith(`${name}{`));
  const numberOf = (line: string) => Number(line.split(' ').at(-1));
  return {
    meter: metrics.meter,
    async value(name: string): Promise<number> {
      return (await linesOf(name)).reduce((sum, line) => sum + numberOf(line), 0);
    },
    async series(name: string): Promise<Record<string, number>> {
      const byPartition = (line: string) => [/ ?partition="(\d+)"/.exec(line)?.[1] ?? '', numberOf(line)];
      return Object.fromEntries((await linesOf(name)).map(byPartition));
    },
  };
}

/** The shared Kafka with a topic prefix of this test's own. */
export async function testKafka(
  topics: TopicSpec[],
  brokers = testStack().urls.KAFKA_BROKERS,
): Promise<Kafka> {
  const { logger } = recordingLogger();
  const kafka = createKafka({
    brokers: brokers.split(','),
    clientId: 'test',
    topicPrefix: `${uniqueName('t')}.`,
    logger,
  });
  await ensureTopics(kafka, topics);
  return kafka;
}

/** Everything in a topic, in order per partition, read as of now. */
export async function readTopic(kafka: Kafka, topic: string): Promise<ReceivedRecord[]> {
  const client = kafka.client();
  const admin = client.admin();
  await admin.connect();
  const ends = (await admin.fetchTopicOffsets(kafka.physicalName(topic))).filter(
    ({ high, low }) => high !== low,
  );
  await admin.disconnect();
  const records: ReceivedRecord[] = [];
  if (ends.length === 0) return records;

  const open = new Set(ends.map(({ partition }) => partition));
  const { promise: complete, resolve } = Promise.withResolvers<void>();
  const consumer = client.consumer({ groupId: uniqueName('reader'), maxWaitTimeInMs: 50 });
  await consumer.connect();
  await consumer.subscribe({ topics: [kafka.physicalName(topic)], fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ partition, message }) => {
      const record = receivedRecord(topic, partition, message);
      const end = BigInt(ends.find((one) => one.partition === partition)?.high ?? 0);
      if (record.offset < end) records.push(record);
      if (record.offset === end - 1n) open.delete(partition);
      if (open.size === 0) resolve();
    },
  });
  await complete;
  await consumer.disconnect();
  return records.sort((a, b) => a.partition - b.partition || Number(a.offset - b.offset));
}

/** The committed offset of each partition of a topic; -1 where there is none. */
export async function committed(kafka: Kafka, group: string, topic: string): Promise<number[]> {
  const admin = kafka.client().admin();
  await admin.connect();
  const [found] = await admin.fetchOffsets({
    groupId: kafka.physicalName(group),
    topics: [kafka.physicalName(topic)],
  });
  await admin.disconnect();
  const partitions = found?.partitions ?? [];
  return partitions.sort((a, b) => a.partition - b.partition).map(({ offset }) => Number(offset));
}

/** Writes values to a topic, each with its text as key. */
export async function produce(kafka: Kafka, topic: string, values: string[]): Promise<void> {
  const producer = createProducer(kafka);
  await producer.send(values.map((value) => ({ topic, key: value, value })));
  await producer.close();
}

export const text = (record: ReceivedRecord): string => record.value?.toString() ?? '';

/** A started component that is stopped at the end of its scope. */
export async function running<C extends Component>(component: C): Promise<C & AsyncDisposable> {
  await component.start();
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= component.stop();
    return stopped;
  };
  return { ...component, stop, [Symbol.asyncDispose]: stop };
}

/** A database with an outbox. */
export interface OutboxDatabase extends Database, AsyncDisposable {
  readonly url: string;
}

/** Creates it, or connects to the one at `url`. */
export async function outboxDatabase(url?: string): Promise<OutboxDatabase> {
  const clientUrl = url ?? (await createDatabase(uniqueName('outbox')));
  const orm = new MikroORM({
    clientUrl,
    entities: [],
    discovery: { warnWhenNoEntities: false },
    driverOptions: { pipeline: true },
  });
  const database = databaseOf(orm);
  if (url === undefined) {
    for (const statement of [...outboxMigration, outboxSendableMigration]) await database.query(statement);
  }
  return { ...database, url: clientUrl, [Symbol.asyncDispose]: () => orm.close(true) };
}

/** The database of a relay, as the service gives it. */
export function relayDatabase(
  database: OutboxDatabase,
): Pick<RelayOptions, 'database' | 'readGauge' | 'relayConnection' | 'listen'> {
  const connectionString = database.url;
  return {
    database,
    readGauge: database.query,
    relayConnection: () => ownConnection({ connectionString, options: '-c enable_sort=off' }),
    listen: listenWith({ connectionString }),
  };
}

export function message(key: string, value: string, topic = 'events'): OutboxMessage {
  return { topic, key, value: Buffer.from(value), headers: { ce_id: `${key}/${value}` } };
}

export async function outboxRows(sql: Sql): Promise<{ key: string; failed_reason: string | null }[]> {
  return sql.query('select key, failed_reason from outbox order by id');
}
