import { create, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf';
import { deadLetterTopic, groups, toMoney, topics } from '@orderflow/contracts';
import {
  InventoryCommittedSchema,
  InventoryReservedSchema,
  InventoryUnavailableSchema,
} from '@orderflow/contracts/orderflow/inventory/event/v1/inventory_events';
import {
  PaymentFailedSchema,
  PaymentProcessedSchema,
} from '@orderflow/contracts/orderflow/payment/event/v1/payment_events';
import {
  createBatchConsumer,
  createKafka,
  createProducer,
  encodeEvent,
  ensureTopics,
  eventSpec,
  type Kafka,
  openTopicOffsets,
  type Producer,
  type ReceivedRecord,
  readRanges,
} from '@orderflow/messaging';
import { createMetrics, loadConfig, type RunningComponents, runComponents } from '@orderflow/runtime';
import type { App } from '@orderflow/service';
import { createPostgres } from '@orderflow/storage';
import { eventually, testStack, uniqueName } from '@orderflow/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createApp } from '../src/app.ts';
import { settings } from '../src/config.ts';
import { migrations } from '../src/migrations/index.ts';
import { kafkaBacklog } from '../src/outbound/kafka/backlog.ts';
import { OrderHistoryRow, OrderRow } from '../src/outbound/postgres/entities.ts';
import { createOrderStore } from '../src/outbound/postgres/order-store.ts';
import { decide, submission } from './kit.ts';
import { limits } from './saga-kit.ts';
import { silent } from './stack-kit.ts';

const name = uniqueName('saga');
const { urls } = testStack();
const env = {
  ...urls,
  TOPIC_PREFIX: `${name}.`,
  DATABASE_PREFIX: `${name}_`,
  KAFKA_SESSION_TIMEOUT: '3s',
  PORT: '0',
};
const kafka: Kafka = createKafka({
  brokers: urls.KAFKA_BROKERS.split(','),
  clientId: 'test',
  topicPrefix: env.TOPIC_PREFIX,
  logger: silent,
});
const postgres = createPostgres({
  url: urls.POSTGRES_URL,
  database: `${name}_order_service`,
  applicationName: 'test',
  entities: [OrderRow, OrderHistoryRow],
  migrations,
  logger: silent,
});
let app: App;
let running: RunningComponents;
let producer: Producer;

const start = async () => {
  app = await createApp(loadConfig(settings, env), ['saga', 'relay'], { logger: silent });
  running = runComponents(app.components, { logger: silent, graceMs: 20_000 });
  await running.start();
};
beforeAll(async () => {
  await start();
  // The worker does not run; its topic exists, because deadlines need it.
  await ensureTopics(kafka, [eventSpec(topics.orders)]);
  producer = createProducer(kafka);
});
afterAll(async () => {
  await running?.stop();
  await producer?.close();
  await postgres.orm.close();
});

const query = <Row>(sql: string, ...parameters: unknown[]) => postgres.database.query<Row>(sql, parameters);
const rowOf = async (id: string) =>
  (await query<Record<string, unknown>>('select * from orders where id = $1', id))[0] ?? {};
const becomes = (id: string, expected: object, timeoutMs = 15_000) =>
  eventually(async () => expect(await rowOf(id)).toMatchObject(expected), { timeoutMs });

async function accepted(...ids: string[]) {
  await createOrderStore(postgres.database, { currency: 'USD', limits }).decide(
    ids.map((orderId) => ({
      orderId,
      customerId: 'c-1',
      cause: 'orders/0/7',
      traceparent: undefined,
      contentHash: Buffer.alloc(32, 1),
      submission: { value: Buffer.alloc(0), contentType: undefined },
      decision: decide(submission({ orderId })),
    })),
  );
}

function response<Desc extends DescMessage>(
  schema: Desc,
  orderId: string,
  content: MessageInitShape<Desc> = {} as MessageInitShape<Desc>,
) {
  const kind = schema.name;
  const topic = kind.startsWith('Inventory') ? topics.inventoryEvents : topics.paymentEvents;
  const event = encodeEvent(schema, create(schema, { ...content, orderId } as MessageInitShape<Desc>), {
    id: `${orderId}/${kind}`,
    source: '/orderflow/test',
    subject: orderId,
    time: new Date(),
  });
  return { topic, key: orderId, ...event };
}

async function readTopic(topic: string): Promise<ReceivedRecord[]> {
  await using offsets = await openTopicOffsets(kafka);
  const records: ReceivedRecord[] = [];
  const ranges = (await offsets.ranges(topic)) ?? [];
  await readRanges({ kafka, topic, ranges, handle: (some) => void records.push(...some) });
  return records;
}

/** The ids of an order's events, each once, in the order in which they are on the topic. */
async function publishedOf(id: string): Promise<string[]> {
  const records = (await readTopic(topics.orderEvents)).filter(({ key }) => key?.toString() === id);
  const names = records.map(({ headers }) => `${headers['ce_id']} ${headers['ce_type']?.split('.').at(-1)}`);
  return [...new Set(names)];
}

const lettersOf = async (topic: string) =>
  (await readTopic(deadLetterTopic(topic, groups.orderSaga))).map(({ key, headers }) => [
    key?.toString(),
    headers['dlq_reason'],
  ]);

/** Of every order here. */
const { decision } = decide(submission());
const total = decision.outcome === 'ACCEPTED' ? decision.total : 0n;
const theTotal = toMoney(total, 'USD');

describe('what stock and payment say', () => {
  test('brings an order to its end, and it is published in order', async () => {
    await accepted('good');
    await producer.send([
      response(InventoryReservedSchema, 'good'),
      response(PaymentProcessedSchema, 'good', { transactionId: 'tx-good', amount: theTotal }),
    ]);
    await becomes('good', { state: 'CONFIRMED', transaction_id: 'tx-good' });
    await producer.send([response(InventoryCommittedSchema, 'good')]);
    await becomes('good', { state: 'COMPLETED', version: 4 });
    await eventually(async () =>
      expect(await publishedOf('good')).toEqual([
        'good/1 OrderAccepted',
        'good/2 OrderReserved',
        'good/3 OrderConfirmed',
        'good/4 OrderCompleted',
      ]),
    );
    const transitions = await query<{ cause: string }>(
      "select cause from order_history where order_id = 'good' order by revision",
    );
    expect(transitions.at(-1)?.cause).toMatch(/^good\/InventoryCommitted inventory-events\/\d\/\d+$/);
  });

  test('names what is short, and why a payment failed', async () => {
    await accepted('short', 'declined');
    await producer.send([
      response(InventoryUnavailableSchema, 'short', {
        shortages: [
          { productId: 'p-1', available: 15n, requested: 100n },
          { productId: 'p-2', available: 0n, requested: 1n },
        ],
      }),
      response(PaymentFailedSchema, 'declined', { reason: 1, declineCode: 'insufficient_funds' }),
    ]);
    await becomes('short', {
      state: 'CANCELLING',
      cancel_reason: 'OUT_OF_STOCK',
      cancel_detail:
        'Not enough of p-1: 15 available, 100 requested; Not enough of p-2: 0 available, 1 requested',
    });
    await becomes('declined', { cancel_reason: 'PAYMENT_FAILED', cancel_detail: 'insufficient_funds' });
  });

  test('that cannot be read, or has no order id, or one that does not exist, is dead-lettered', async () => {
    await accepted('neighbour');
    const broken = { ...response(InventoryReservedSchema, 'broken'), value: Uint8Array.of(0xff, 0xff) };
    const { ce_type: _, ...untyped } = response(InventoryReservedSchema, 'untyped').headers;
    await producer.send([
      broken,
      response(InventoryReservedSchema, ''),
      response(InventoryReservedSchema, 'nobody'),
      { ...response(InventoryReservedSchema, 'untyped'), headers: untyped },
      response(PaymentProcessedSchema, 'neighbour', { transactionId: 'says no amount' }),
      response(InventoryReservedSchema, 'neighbour'),
    ]);
    await becomes('neighbour', { state: 'RESERVED' });
    await eventually(async () =>
      expect((await lettersOf(topics.inventoryEvents)).toSorted()).toEqual([
        ['', 'MALFORMED_PROTOBUF'],
        ['broken', 'MALFORMED_PROTOBUF'],
        ['nobody', 'ORDER_UNKNOWN'],
      ]),
    );
    await eventually(async () =>
      expect(await lettersOf(topics.paymentEvents)).toEqual([['neighbour', 'MALFORMED_PROTOBUF']]),
    );
  });

  test('of a charge that is not the total confirms nothing and needs attention', async () => {
    await accepted('dear');
    await producer.send([
      response(InventoryReservedSchema, 'dear'),
      response(PaymentProcessedSchema, 'dear', { transactionId: 'tx', amount: toMoney(total + 1n, 'USD') }),
    ]);
    await becomes('dear', { needs_attention: 'CONTRADICTORY_EVENT', transaction_id: null });
    expect(await publishedOf('dear')).not.toContainEqual(expect.stringContaining('OrderConfirmed'));
  });

  test('and is a contradiction, needs attention and dead-letters nothing', async () => {
    await accepted('odd');
    await producer.send([
      response(InventoryCommittedSchema, 'odd'),
      response(InventoryCommittedSchema, 'odd'),
    ]);
    await becomes('odd', { state: 'ACCEPTED', needs_attention: 'CONTRADICTORY_EVENT', revision: 2 });
    expect((await lettersOf(topics.inventoryEvents)).map(([key]) => key)).not.toContain('odd');
  });
});

test('two processes share the orders, whatever comes twice and out of order', async () => {
  const second = await createApp(loadConfig(settings, env), ['saga'], { logger: silent });
  const alsoRunning = runComponents(second.components, { logger: silent, graceMs: 20_000 });
  const ids = Array.from({ length: 60 }, (_, index) => `shared-${index}`);
  await accepted(...ids);
  const all = ids.flatMap((id) => [
    response(InventoryReservedSchema, id),
    response(PaymentProcessedSchema, id, { transactionId: `tx-${id}`, amount: theTotal }),
  ]);
  await producer.send(all.slice(0, 60));
  await alsoRunning.start();
  // Both topics at once, backwards, and all of it again.
  await producer.send([...all.toReversed(), ...all]);
  await eventually(async () => {
    const [row] = await query<{ n: number }>(
      "select count(*)::int as n from orders where id like 'shared-%' and state = 'CONFIRMED' and version = 3",
    );
    expect(row?.n).toBe(60);
  });
  await producer.send(ids.map((id) => response(InventoryCommittedSchema, id)));
  await eventually(async () => {
    const [row] = await query<{ n: number }>(
      `select count(*)::int as n from orders
       where id like 'shared-%' and state = 'COMPLETED' and version = 4 and needs_attention is null`,
    );
    expect(row?.n).toBe(60);
  });
  await alsoRunning.stop();
  const [published] = await query<{ n: number }>(
    `select count(*)::int as n from order_history, unnest(event_types) where order_id like 'shared-%'`,
  );
  expect(published?.n).toBe(240);
});

/** A participant that reads, and never replies. */
function idleReader(groupId: string, read: readonly string[]) {
  return createBatchConsumer({
    kafka,
    groupId,
    topics: read,
    handle: async () => {},
    isOutage: () => true,
    logger: silent,
    meter: createMetrics({ service: 'test', role: 'test' }).meter,
    sessionTimeoutMs: 3_000,
  });
}

describe('a deadline', () => {
  const due = (id: string) =>
    query("update orders set deadline_time = now() - interval '1 second' where id = $1", id);

  test('that nothing is in the way of fires by itself, and the last event is republished', async () => {
    await accepted('late');
    await eventually(async () => expect(await publishedOf('late')).toHaveLength(1));
    await due('late');
    await eventually(async () => expect((await rowOf('late'))['requery_time']).not.toBeNull());
    await eventually(async () => {
      const again = (await readTopic(topics.orderEvents)).filter(
        ({ key, headers }) => key?.toString() === 'late' && headers['requery'] !== undefined,
      );
      expect(again.map(({ headers }) => headers['ce_id'])).toEqual(['late/1']);
    });
  });

  test('at the end cancels nothing while inventory and payment are behind', async () => {
    const requeries = async () =>
      (await query("select 1 from order_history where order_id = 'late' and cause = 'RequeryDeadline'"))
        .length;
    // It is long overdue, and neither has ever read anything; that is known after two polls.
    await eventually(
      async () => {
        await query(
          `update orders set requery_time = now() - interval '26 minutes', deadline_time = now() - interval '11 minutes'
           where id = 'late' and needs_attention is null`,
        );
        expect(await rowOf('late')).toMatchObject({
          state: 'ACCEPTED',
          needs_attention: 'PARTICIPANT_BEHIND',
        });
      },
      { timeoutMs: 30_000, intervalMs: 500 },
    );
    const before = await requeries();
    const participants = runComponents(
      [
        idleReader(groups.inventory, [topics.orderEvents]),
        idleReader(groups.payment, [topics.orderEvents, topics.inventoryEvents]),
      ],
      { logger: silent, graceMs: 20_000 },
    );
    await participants.start();
    // They have read it, and have as long to reply as if it had never been late.
    await eventually(async () => expect(await requeries()).toBe(before + 1), {
      timeoutMs: 30_000,
      intervalMs: 100,
    });
    expect(await rowOf('late')).toMatchObject({ state: 'ACCEPTED' });
    await eventually(
      async () => {
        await due('late');
        expect(await rowOf('late')).toMatchObject({
          state: 'CANCELLING',
          cancel_reason: 'DEADLINE',
          version: 2,
        });
      },
      // On a busy machine they may be behind once more.
      { timeoutMs: 30_000, intervalMs: 1_000 },
    );
    await participants.stop();
  });

  test('waits for what is still to be published and to be read: a reply that is on the topic counts', async () => {
    await accepted('backlog');
    await eventually(async () => expect(await publishedOf('backlog')).toHaveLength(1));
    await query("update orders set requery_time = now() where id = 'backlog'");
    // Nothing is read or published while the reply arrives and the deadline passes.
    await running.stop();
    await producer.send([
      response(InventoryReservedSchema, 'backlog'),
      response(PaymentProcessedSchema, 'backlog', { transactionId: 'tx', amount: theTotal }),
    ]);
    await due('backlog');
    const { backlog, component } = kafkaBacklog(postgres.database, kafka);
    const mark = await backlog.mark('decided');
    if (mark === undefined) throw new Error('no deadline is due');
    expect(await backlog.isDrained(mark)).toBe(false);

    await accepted('untold');
    const later = (await backlog.mark('decided')) ?? mark;
    await start();
    await becomes('backlog', { state: 'CONFIRMED' });
    await eventually(async () => expect(await backlog.isDrained(mark)).toBe(true));
    await eventually(async () => expect(await backlog.isDrained(later)).toBe(true));
    await query(
      "insert into outbox (topic, key, value, headers, create_time) values ('nowhere', 'k', '', '{}', $1)",
      later.time,
    );
    expect(await backlog.isDrained(later)).toBe(false);
    // A row that the broker permanently refuses delays only its own order.
    await query("update outbox set failed_time = now() where topic = 'nowhere'");
    expect(await backlog.isDrained(later)).toBe(true);
    await component.stop();
  });

  test('comes for an order with a refused event: no participant will ever reply to it', async () => {
    await accepted('refused');
    await eventually(async () => expect(await publishedOf('refused')).toHaveLength(1));
    await query(
      `insert into outbox (topic, key, value, headers, failed_reason, failed_time)
       values ('order-events', 'refused', '', '{}', 'too large', now())`,
    );
    await due('refused');
    await eventually(async () => expect((await rowOf('refused'))['requery_time']).not.toBeNull());
    await query("delete from outbox where key = 'refused'");
  });

  test('of an undecided order waits for the worker to have read its topic', async () => {
    await createOrderStore(postgres.database, { currency: 'USD', limits }).decide([
      {
        orderId: 'undecided',
        customerId: 'c-1',
        cause: 'orders/0/7',
        traceparent: undefined,
        contentHash: Buffer.alloc(32, 1),
        submission: { value: Buffer.alloc(0), contentType: undefined },
        decision: { invalid: 'x' },
      },
    ]);
    await query("update orders set needs_attention = null where id = 'undecided'");
    await producer.send([{ topic: topics.orders, key: 'k', value: Buffer.from('unread') }]);
    await accepted('meanwhile');
    await eventually(async () => expect(await publishedOf('meanwhile')).toHaveLength(1));
    await due('undecided');
    // Deadlines of the other kind fire in between: what is waited for is not in their way.
    await due('meanwhile');
    await eventually(async () => expect((await rowOf('meanwhile'))['requery_time']).not.toBeNull());
    expect(await rowOf('undecided')).toMatchObject({ needs_attention: null });

    // The worker reads it.
    await using offsets = await openTopicOffsets(kafka);
    await readRanges({
      kafka,
      topic: topics.orders,
      group: groups.orderWorker,
      ranges: (await offsets.ranges(topics.orders)) ?? [],
      handle: async (records, { commit }) => commit((records.at(-1)?.offset ?? 0n) + 1n),
    });
    await becomes('undecided', { state: 'PENDING', needs_attention: 'UNDECIDED' });
  });
});

test('what happened is counted, and how long orders took', async () => {
  const metrics = await (await fetch(`http://127.0.0.1:${app.server.port}/metrics`)).text();
  expect(metrics).toMatch(/orderflow_order_transitions_total\{[^}]*state="confirmed"[^}]*\} [1-9]/);
  expect(metrics).toMatch(/orderflow_order_latency_count\{[^}]*outcome="confirmed"[^}]*\} [1-9]/);
});
