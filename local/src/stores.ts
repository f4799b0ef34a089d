import { deadLetterTopic, groups, topics } from '@orderflow/contracts';
import { Kafka, logLevel, Partitioners, type Producer } from 'kafkajs';
import { MongoClient } from 'mongodb';
import pg from 'pg';

/** The addresses of a system's stores: the same variables that its processes get. */
export interface StoreAddresses {
  readonly KAFKA_BROKERS: string;
  readonly MONGO_URL: string;
  readonly POSTGRES_URL: string;
  readonly TOPIC_PREFIX?: string;
  readonly DATABASE_PREFIX?: string;
}

/** A record on a topic. */
export interface TopicRecord {
  readonly partition: number;
  readonly offset: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
}

/** The fields of an order document that tests use. */
export interface OrderDocument {
  readonly _id: string;
  readonly outcome?: 'ACCEPTED' | 'REJECTED';
  readonly rejections?: readonly {
    readonly reason: string;
    readonly field: string;
    readonly message: string;
  }[];
  /** A decimal number, such as `1299.99`. */
  readonly total?: string;
  readonly progress?: { readonly version: number; readonly state: string };
  readonly [field: string]: unknown;
}

/** The Postgres databases that tests read. */
type Database = 'order_service' | 'inventory' | 'payment' | 'notification' | 'enrichment' | 'identity';

/** Reads and writes a system's stores from outside, without any code of the services. */
export interface Stores extends AsyncDisposable {
  readonly producer: Producer;
  /** Sends records to `orders`; resolves after the broker has acknowledged them. */
  send(
    records: readonly { readonly value: Buffer | null; readonly headers?: Record<string, string> }[],
  ): Promise<void>;
  /** Runs SQL in the order service's database, or in that of another. */
  query<Row extends pg.QueryResultRow>(sql: string, values?: unknown[], database?: Database): Promise<Row[]>;
  documents(): Promise<OrderDocument[]>;
  document(orderId: string): Promise<OrderDocument | undefined>;
  /** Reads a topic up to its present end. */
  readTopic(topic: string): Promise<TopicRecord[]>;
  /** The dead letters of the order worker. */
  deadLetters(): Promise<TopicRecord[]>;
  /** The committed offset of a group and the present end of the topic, for each partition of `topic`. */
  offsets(topic: string, group: string): Promise<{ partition: number; committed: bigint; end: bigint }[]>;
  /** The number of records of `topic` that a group has not committed yet. */
  lag(topic: string, group: string): Promise<number>;
}

/** Connects to the stores of a system. */
export async function openStores(addresses: StoreAddresses): Promise<Stores> {
  const { TOPIC_PREFIX: topicPrefix = '', DATABASE_PREFIX: databasePrefix = '' } = addresses;
  const kafka = new Kafka({
    clientId: 'e2e',
    brokers: addresses.KAFKA_BROKERS.split(','),
    logLevel: logLevel.NOTHING,
    retry: { retries: 10, initialRetryTime: 100 },
  });
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  const admin = kafka.admin();
  const mongo = new MongoClient(addresses.MONGO_URL);
  const pools = new Map<Database, pg.Pool>();
  await Promise.all([producer.connect(), admin.connect()]);
  const collection = mongo.db(`${databasePrefix}orderflow`).collection<OrderDocument>('orders');
  const physical = (topic: string) => topicPrefix + topic;

  function poolOf(database: Database): pg.Pool {
    const connectionString = `${addresses.POSTGRES_URL}/${databasePrefix}${database}`;
    const pool = pools.get(database) ?? new pg.Pool({ connectionString, max: 4 });
    // A server that stops ends idle connections; the next query then reports it.
    if (!pools.has(database)) pool.on('error', () => {});
    pools.set(database, pool);
    return pool;
  }

  async function offsets(topic: string, group: string) {
    const ends = await admin.fetchTopicOffsets(physical(topic));
    const [ofGroup] = await admin.fetchOffsets({ groupId: physical(group), topics: [physical(topic)] });
    return ends.map(({ partition, high, low }) => {
      const offset = ofGroup?.partitions.find((each) => each.partition === partition)?.offset ?? '-1';
      return { partition, committed: BigInt(offset === '-1' ? low : offset), end: BigInt(high) };
    });
  }

  async function readTopic(topic: string): Promise<TopicRecord[]> {
    const ends = await admin.fetchTopicOffsets(physical(topic));
    const missing = new Map(
      ends
        .filter(({ low, high }) => BigInt(high) > BigInt(low))
        .map(({ partition, high }) => [partition, BigInt(high)]),
    );
    const records: TopicRecord[] = [];
    if (missing.size === 0) return records;
    const groupId = `e2e-read-${process.pid}-${Date.now()}-${Math.random()}`;
    const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100, sessionTimeout: 6_000 });
    const { promise, resolve } = Promise.withResolvers<void>();
    try {
      await consumer.connect();
      await consumer.subscribe({ topic: physical(topic), fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        eachMessage: async ({ partition, message }) => {
          const end = missing.get(partition);
          if (end === undefined || BigInt(message.offset) >= end) return;
          const headers = Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]);
          records.push({
            partition,
            offset: message.offset,
            key: message.key,
            value: message.value,
            headers: Object.fromEntries(headers) as Record<string, string>,
          });
          if (BigInt(message.offset) === end - 1n) missing.delete(partition);
          if (missing.size === 0) resolve();
        },
      });
      await promise;
    } finally {
      await consumer.disconnect();
      await admin.deleteGroups([groupId]).catch(() => {});
    }
    return records;
  }

  return {
    producer,
    async send(records) {
      const messages = records.map(({ value, headers }) => ({ value, ...(headers && { headers }) }));
      await producer.send({ topic: physical(topics.orders), acks: -1, messages });
    },
    async query(sql, values, database = 'order_service') {
      return (await poolOf(database).query(sql, values)).rows;
    },
    documents: () => collection.find().toArray(),
    document: async (orderId) => (await collection.findOne({ _id: orderId })) ?? undefined,
    readTopic,
    deadLetters: () => readTopic(deadLetterTopic(topics.orders, groups.orderWorker)),
    offsets,
    async lag(topic, group) {
      const partitions = await offsets(topic, group);
      return partitions.reduce((sum, { committed, end }) => sum + Number(end - committed), 0);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([producer.disconnect(), admin.disconnect(), mongo.close()]);
      await Promise.all([...pools.values()].map((pool) => pool.end()));
    },
  };
}
