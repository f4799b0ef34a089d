// The careful consumer keeps the promises of our worker, one record at a time: a GET for the customer and for each
// product, on a miss a call of the enrichment API and a SETEX; validation; one transaction with order, history and
// outbox, which changes nothing when the order comes again; the document; a dead letter for what can never succeed, a
// retry for what can; and only then the commit of the offset.
import { setTimeout as sleep } from 'node:timers/promises';
import { Code, ConnectError } from '@connectrpc/connect';
import { deadLetterTopic, groups, topics } from '@orderflow/contracts';
import { Redis } from 'ioredis';
import { type KafkaMessage, Partitioners } from 'kafkajs';
import { MongoClient, MongoServerError } from 'mongodb';
import {
  contentHashOf,
  type Decision,
  decide,
  documentOf,
  quantitiesOf,
  readOrder,
} from './careful-order.ts';
import { isPermanent, storeOnce } from './careful-store.ts';
import {
  cacheSeconds,
  env,
  fetchCustomer,
  fetchProduct,
  kafka,
  type Product,
  prefix,
  subscribe,
} from './one-at-a-time.ts';

// Without Redis it is slower, never wrong.
const redis = new Redis(env('REDIS_URL'), {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 1,
  commandTimeout: 500,
});
redis.on('error', () => {});
const mongo = new MongoClient(env('MONGO_URL'), {
  writeConcern: { w: 'majority', journal: true },
  // A consumer that waits for longer would lose its partitions.
  serverSelectionTimeoutMS: 2_000,
  socketTimeoutMS: 4_000,
});
const documents = mongo.db(`${prefix}orderflow`).collection<{ _id: string }>('orders');
const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
await producer.connect();

const duplicateKey = 11_000;
const maxBackoffMs = 2_000;

/** A cache entry may accept an order; only the API may reject one. Undefined: the API does not have it. */
async function lookUp<T>(
  key: string,
  fetch: () => Promise<T>,
  isGood: (found: T) => boolean,
): Promise<T | undefined> {
  const cached = await redis.get(key).catch(() => null);
  const entry = cached === null ? undefined : (JSON.parse(cached) as T);
  if (entry !== undefined && isGood(entry)) return entry;
  try {
    const fetched = await fetch();
    await redis.setex(key, cacheSeconds, JSON.stringify(fetched)).catch(() => {});
    return fetched;
  } catch (error) {
    if (error instanceof ConnectError && error.code === Code.NotFound) return undefined;
    throw error;
  }
}

/** Writes the document of a decision; one that exists says the same. */
async function show(decision: Decision): Promise<void> {
  try {
    await documents.insertOne(documentOf(decision));
  } catch (error) {
    if (!(error instanceof MongoServerError && error.code === duplicateKey)) throw error;
  }
}

async function deadLetter({ key, value }: KafkaMessage, reason: string): Promise<void> {
  const topic = `${prefix}${deadLetterTopic(topics.orders, groups.orderWorker)}`;
  await producer.send({ topic, acks: -1, messages: [{ key, value, headers: { dlq_reason: reason } }] });
}

async function handle(message: KafkaMessage, cause: string): Promise<void> {
  const order = readOrder(message.value);
  if (order === undefined) return deadLetter(message, 'MALFORMED_JSON');
  const { customerId } = order;
  const customer = await lookUp(
    `${prefix}customer:${customerId}`,
    () => fetchCustomer(customerId),
    ({ active }) => active,
  );
  const products = new Map<string, Product>();
  for (const productId of quantitiesOf(order).keys()) {
    const product = await lookUp(
      `${prefix}product:${productId}`,
      () => fetchProduct(productId),
      ({ retired }) => !retired,
    );
    if (product !== undefined) products.set(productId, product);
  }
  const stored = await storeOnce(decide(order, customer, products), contentHashOf(order), cause);
  if (stored === undefined) return deadLetter(message, 'ORDER_ID_CONFLICT');
  await show(stored);
}

const consumer = await subscribe();
// A consumer that cannot continue exits, to be started again.
consumer.on(consumer.events.CRASH, ({ payload }) => {
  if (!payload.restart) process.exit(1);
});
await consumer.run({
  autoCommit: false,
  eachMessage: async ({ topic, partition, message, heartbeat }) => {
    for (let backoffMs = 100; ; backoffMs = Math.min(backoffMs * 2, maxBackoffMs)) {
      try {
        await handle(message, `${topic}/${partition}/${message.offset}`);
        break;
      } catch (error) {
        console.error(`${topic}/${partition}/${message.offset}: ${error}`);
        if (isPermanent(error)) {
          await deadLetter(message, 'PROCESSING_FAILED');
          break;
        }
        await sleep(backoffMs);
        await heartbeat();
      }
    }
    const next = String(BigInt(message.offset) + 1n);
    await consumer.commitOffsets([{ topic, partition, offset: next }]);
  },
});
console.log('ready');
