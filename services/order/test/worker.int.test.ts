import { create, fromBinary, toBinary, toJsonString } from '@bufbuild/protobuf';
import { deadLetterTopic, groups, topics } from '@orderflow/contracts';
import { CustomerUpdatedSchema } from '@orderflow/contracts/orderflow/enrichment/event/v1/customer_updated';
import {
  OrderAcceptedSchema,
  OrderRejectedSchema,
} from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import { OrderSubmittedSchema } from '@orderflow/contracts/orderflow/order/event/v1/order_submitted';
import { createKafka, createProducer, type Kafka, type Producer } from '@orderflow/messaging';
import { loadConfig, type RunningComponents, runComponents } from '@orderflow/runtime';
import type { App } from '@orderflow/service';
import { eventually, testStack, uniqueName } from '@orderflow/testing';
import type { Redis } from 'ioredis';
import { type Consumer, type IHeaders, logLevel } from 'kafkajs';
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createApp } from '../src/app.ts';
import { settings } from '../src/config.ts';
import type { rejectionReasons } from '../src/domain/rejection.ts';
import type { StoredDocument } from '../src/outbound/mongo/order-collection.ts';
import { createRedis } from '../src/outbound/redis/redis.ts';
import { fakeEnrichment } from './fake-enrichment.ts';
import { customer, productOf } from './kit.ts';
import { silent } from './stack-kit.ts';

interface Read {
  readonly topic: string;
  readonly key: string | undefined;
  readonly value: Buffer | null;
  readonly headers: Record<string, string>;
}

const deadLetters = deadLetterTopic(topics.orders, groups.orderWorker);
const name = uniqueName('worker');
let api: Awaited<ReturnType<typeof fakeEnrichment>>;
let app: App;
let running: RunningComponents;
let kafka: Kafka;
let producer: Producer;
let consumer: Consumer;
let mongo: MongoClient;
let redis: Redis;
const read: Read[] = [];

beforeAll(async () => {
  api = await fakeEnrichment();
  for (const customerId of ['c-1', 'c-2', 'c-3']) api.customers.set(customerId, customer({ customerId }));
  api.customers.set('c-inactive', customer({ customerId: 'c-inactive', active: false }));
  for (const id of ['p-1', 'p-2']) api.products.set(id, productOf(id));
  api.products.set('p-retired', productOf('p-retired', { retired: true }));

  const { urls } = testStack();
  const env = {
    ...urls,
    TOPIC_PREFIX: `${name}.`,
    DATABASE_PREFIX: `${name}_`,
    CUSTOMER_API_URL: api.url,
    PRODUCT_API_URL: api.url,
    KAFKA_SESSION_TIMEOUT: '3s',
    PORT: '0',
  };
  app = await createApp(loadConfig(settings, env), ['worker', 'relay', 'view'], { logger: silent });
  running = runComponents(app.components, { logger: silent, graceMs: 20_000 });
  await running.start();

  kafka = createKafka({
    brokers: urls.KAFKA_BROKERS.split(','),
    clientId: 'test',
    topicPrefix: env.TOPIC_PREFIX,
    logger: silent,
  });
  producer = createProducer(kafka);
  mongo = await MongoClient.connect(urls.MONGO_URL);
  redis = createRedis(urls.REDIS_URL, silent).redis;
  await redis.connect();
  const client = kafka.client();
  client.logger().setLogLevel(logLevel.NOTHING);
  consumer = client.consumer({ groupId: uniqueName('reader'), maxWaitTimeInMs: 50 });
  await consumer.connect();
  await consumer.subscribe({
    topics: [topics.orderEvents, deadLetters].map(kafka.physicalName),
    fromBeginning: true,
  });
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ topic, message: { key, value, headers } }) => {
      read.push({ topic: kafka.logicalName(topic), key: key?.toString(), value, headers: texts(headers) });
    },
  });
});
afterAll(async () => {
  redis?.disconnect();
  await Promise.all([consumer?.disconnect(), producer?.close(), mongo?.close()]);
  await running?.stop();
  await api?.stop();
});

const texts = (headers: IHeaders = {}) =>
  Object.fromEntries(Object.entries(headers).map(([header, value]) => [header, String(value)]));
const document = (id: string) =>
  mongo
    .db(`${name}_orderflow`)
    .collection<StoredDocument>('orders')
    .findOne({ _id: id }, { useBigInt64: true });
const eventsOf = (id: string) => read.filter(({ topic, key }) => topic === topics.orderEvents && key === id);

/** All records of one key go to one partition, so that they are decided in the order they are sent. */
const send = (value: string | Uint8Array | null, headers: IHeaders = {}, key = 'one partition') =>
  producer.send([{ topic: topics.orders, key, value, headers }]);
const plain = (orderId: string, change: object = {}) =>
  JSON.stringify({ orderId, customerId: 'c-1', products: [{ productId: 'p-1' }], ...change });

/** The document and the one event of an order, once both exist and the view has seen the event. */
async function outcomeOf(id: string) {
  return eventually(async () => {
    const stored = await document(id);
    const [event, ...more] = eventsOf(id);
    if (!stored?.outcome || !stored.timeline || !event)
      throw new Error(`order ${id} has no document, no timeline or no event yet`);
    expect(more).toEqual([]);
    return { stored, event };
  });
}

describe('a record on the topic becomes a document and an event', () => {
  const submitted = (orderId: string) =>
    create(OrderSubmittedSchema, {
      orderId,
      customerId: 'c-1',
      lines: [
        { reference: { case: 'productId', value: 'p-1' }, quantity: 1n },
        { reference: { case: 'sku', value: 'SKU-p-2' }, quantity: 2n },
        { reference: { case: 'sku', value: 'SKU-p-1' }, quantity: 1n },
      ],
    });
  const products = [
    { productId: 'p-1', name: 'Laptop', price: 1 },
    { sku: 'SKU-p-2', quantity: 2 },
    { productId: 'p-1' },
  ];
  test.each([
    ['protobuf', toBinary(OrderSubmittedSchema, submitted('o-protobuf'))],
    ['protobuf_json', toJsonString(OrderSubmittedSchema, submitted('o-protobuf_json'))],
    ['plain_json', plain('o-plain_json', { products })],
  ])('%s', async (format, value) => {
    const id = `o-${format}`;
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    await send(value, { traceparent });
    const { stored, event } = await outcomeOf(id);
    expect(stored).toMatchObject({
      outcome: 'ACCEPTED',
      customer: { name: 'Ada', stale: false },
      lines: [
        { product: { product_id: 'p-1' }, quantity: 2, amount: '1999.98' },
        { product: { product_id: 'p-2' }, quantity: 2, amount: '1999.98' },
      ],
      total: '4319.96',
      source: { topic: 'orders', format },
      progress: { version: 1, state: 'ACCEPTED' },
    });
    expect(event.headers).toMatchObject({
      ce_specversion: '1.0',
      ce_id: `${id}/1`,
      ce_type: OrderAcceptedSchema.typeName,
      ce_source: '/orderflow/order',
      ce_subject: id,
      'content-type': 'application/protobuf',
      traceparent: expect.stringMatching(new RegExp(`^00-${'a'.repeat(32)}-`)),
    });
    expect(new Date(event.headers['ce_time'] ?? '')).toEqual(stored.decide_time);
    expect(fromBinary(OrderAcceptedSchema, event.value ?? new Uint8Array())).toMatchObject({
      orderId: id,
      version: 1n,
      lines: [
        { productId: 'p-1', quantity: 2n },
        { productId: 'p-2', quantity: 2n },
      ],
      total: { units: 4319n, nanos: 960_000_000 },
    });
  });
});

describe('the same id again', () => {
  test('with the same content is absorbed', async () => {
    await send(plain('again'));
    const { stored } = await outcomeOf('again');
    await send(plain('again', { products: [{ productId: 'p-1', price: 5 }] }));
    await send(plain('again-end'));
    await outcomeOf('again-end');
    expect(await document('again')).toEqual(stored);
    expect(eventsOf('again')).toHaveLength(1);
  });

  test('with other content goes to the dead letters as it came, and the order stays as it was', async () => {
    await send(plain('conflict'));
    const { stored } = await outcomeOf('conflict');
    const other = plain('conflict', { customerId: 'c-2' });
    await send(other, { mine: 'kept' });
    const letter = await eventually(() => {
      const found = read.find(({ value }) => value?.toString() === other);
      if (!found) throw new Error('no dead letter yet');
      return found;
    });
    expect(letter).toMatchObject({
      topic: deadLetters,
      headers: { dlq_reason: 'ORDER_ID_CONFLICT', dlq_topic: 'orders', mine: 'kept' },
    });
    expect(letter.headers['dlq_detail']).toContain('conflict exists with other content');
    expect(await document('conflict')).toEqual(stored);
    expect(eventsOf('conflict')).toHaveLength(1);
  });
});

test('every reason to reject an order is in its document and in its event', async () => {
  const line = (change: object) => ({ products: [{ productId: 'p-1', ...change }] });
  const bad: Record<keyof typeof rejectionReasons, object> = {
    CUSTOMER_ID_INVALID: { customerId: null },
    CUSTOMER_NOT_FOUND: { customerId: 'c-nobody' },
    CUSTOMER_INACTIVE: { customerId: 'c-inactive' },
    LINES_EMPTY: { products: [] },
    TOO_MANY_LINES: { products: Array(201).fill({ productId: 'p-1' }) },
    PRODUCT_REFERENCE_INVALID: line({ productId: '' }),
    PRODUCT_NOT_FOUND: line({ productId: 'p-nothing' }),
    PRODUCT_RETIRED: line({ productId: 'p-retired' }),
    QUANTITY_INVALID: line({ quantity: 0 }),
    QUOTED_PRICE_INVALID: line({ price: -1 }),
  };
  const orders = Object.entries(bad);
  await Promise.all(orders.map(([reason, change]) => send(plain(`bad-${reason}`, change), {}, reason)));
  for (const [reason] of orders) {
    const { stored, event } = await outcomeOf(`bad-${reason}`);
    expect(stored).toMatchObject({
      outcome: 'REJECTED',
      rejections: [{ reason }],
      progress: { state: 'REJECTED' },
    });
    expect(event.headers['ce_type']).toBe(OrderRejectedSchema.typeName);
    const rejected = fromBinary(OrderRejectedSchema, event.value ?? new Uint8Array());
    expect(rejected.rejections.map((one) => one.reason)).toEqual([reason]);
  }
});

test('poison is dead-lettered byte for byte with its reason, and the orders around it are decided', async () => {
  const poison: [string, string | Uint8Array | null][] = [
    ['TOMBSTONE', null],
    ['EMPTY', new Uint8Array()],
    ['SCHEMA_REGISTRY_FRAMING', Uint8Array.of(0, 0, 0, 0, 1, 10)],
    ['MALFORMED_PROTOBUF', Uint8Array.of(0xff, 0xfe, 0x00, 0x80)],
    ['MALFORMED_JSON', '{"orderId":"cut","products":[{'],
    ['ORDER_ID_UNUSABLE', plain('not usable')],
    // As large as a record may be: the letter with its reasons is larger still.
    ['MALFORMED_PROTOBUF', Buffer.alloc(1_048_400, 0xff)],
  ];
  await send(plain('before-poison'));
  for (const [, value] of poison) await send(value, {}, 'poison');
  await send(plain('after-poison'), {}, 'poison');
  expect((await outcomeOf('before-poison')).stored.outcome).toBe('ACCEPTED');
  expect((await outcomeOf('after-poison')).stored.outcome).toBe('ACCEPTED');
  const letters = await eventually(() => {
    const found = read.filter(({ topic, key }) => topic === deadLetters && key === 'poison');
    expect(found).toHaveLength(poison.length);
    return found;
  });
  expect(letters.map(({ headers }) => headers['dlq_reason'])).toEqual(poison.map(([reason]) => reason));
  for (const [index, [, value]] of poison.entries()) {
    expect(letters[index]?.value?.equals(Buffer.from(value ?? '')) ?? null).toBe(
      value === null ? null : true,
    );
  }
});

test('a changed customer is read again', async () => {
  await send(plain('changed-before', { customerId: 'c-2' }));
  await outcomeOf('changed-before');
  api.customers.set('c-2', customer({ customerId: 'c-2', name: 'Grace', version: 4n }));
  const update = create(CustomerUpdatedSchema, { customerId: 'c-2', version: 4n });
  const value = toBinary(CustomerUpdatedSchema, update);
  const event = (type: string) => ({
    topic: topics.customerEvents,
    key: 'c-2',
    value,
    headers: { ce_type: type },
  });
  await producer.send([event(CustomerUpdatedSchema.typeName)]);
  await eventually(async () => (await redis.get(`${name}.enrichment:{customer:c-2}:announced`)) === '4');
  await send(plain('changed-after', { customerId: 'c-2' }));
  expect((await outcomeOf('changed-after')).stored.customer).toMatchObject({ name: 'Grace', version: 4n });
});

test('while the enrichment API is down orders wait, and all of them are decided when it is back', async () => {
  api.state.down = true;
  const ids = Array.from({ length: 20 }, (_, index) => `waiting-${index}`);
  await Promise.all(ids.map((id) => send(plain(id, { customerId: 'c-3' }), {}, id)));
  const metrics = async () => (await fetch(`http://127.0.0.1:${app.server.port}/metrics`)).text();
  await eventually(async () =>
    expect(await metrics()).toMatch(
      /orderflow_enrichment_upstream_calls_total\{[^}]*unavailable[^}]*\} [1-9]/,
    ),
  );
  for (const id of ids) expect(await document(id)).toBeNull();
  api.state.down = false;
  for (const id of ids) expect((await outcomeOf(id)).stored.outcome).toBe('ACCEPTED');
  expect(read.some(({ topic, value }) => topic === deadLetters && value?.includes('waiting-'))).toBe(false);
});

test('the process says that it is ready, and counts what it has decided', async () => {
  const url = `http://127.0.0.1:${app.server.port}`;
  expect((await fetch(`${url}/health/ready`)).status).toBe(200);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(metrics).toMatch(/orderflow_orders_decided_total\{[^}]*outcome="accepted"[^}]*\} [1-9]/);
  expect(metrics).toMatch(/orderflow_orders_rejected_total\{[^}]*reason="CUSTOMER_INACTIVE"[^}]*\} 1\b/);
});
