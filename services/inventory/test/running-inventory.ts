import { randomUUID } from 'node:crypto';
import { create, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf';
import { createClient } from '@connectrpc/connect';
import { deadLetterTopic, groups, toMoney, topics } from '@orderflow/contracts';
import { InventoryService } from '@orderflow/contracts/orderflow/inventory/v1/inventory_service';
import {
  OrderAcceptedSchema,
  OrderCancelRequestedSchema,
  OrderConfirmedSchema,
  OrderReservedSchema,
} from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import {
  createBatchConsumer,
  createKafka,
  createProducer,
  encodeEvent,
  type OutgoingRecord,
  type ReceivedRecord,
} from '@orderflow/messaging';
import { createRpcTransport } from '@orderflow/rpc';
import { createLogger, createMetrics, loadConfig, runComponents } from '@orderflow/runtime';
import { createPostgres } from '@orderflow/storage';
import { testStack, uniqueName } from '@orderflow/testing';
import { createApp, type Overrides } from '../src/app.ts';
import { type Config, settings } from '../src/config.ts';
import type { OrderEvent } from '../src/domain/reservation.ts';
import { migrations } from '../src/migrations/index.ts';
import { ReservationRow, StockAdjustmentRow, StockRow } from '../src/outbound/postgres/entities.ts';
import { now, traceparent } from './kit.ts';

/** Says nothing: kafkajs and the migrator are talkative. */
export const quietLogger = createLogger({ service: 'test', level: 'silent' });

/** Variables for the shared stack, with a database and topics of their own. */
export function testEnv(): Record<string, string> {
  const name = uniqueName('inventory');
  const { KAFKA_BROKERS, POSTGRES_URL } = testStack().urls;
  return {
    KAFKA_BROKERS,
    POSTGRES_URL,
    TOPIC_PREFIX: `${name}.`,
    DATABASE_PREFIX: `${name}_`,
    KAFKA_SESSION_TIMEOUT: '3s',
    PORT: '0',
    SHUTDOWN_GRACE: '4s',
  };
}

export const testConfig = (env: NodeJS.ProcessEnv = testEnv()): Config => loadConfig(settings, env);

/** The whole service in this process, with a client that neither retries nor opens a circuit. */
export async function runInventory(config: Config, overrides: Overrides = {}) {
  const logger = quietLogger;
  const app = createApp(config, { logger, ...overrides });
  const components = runComponents(app.components, { logger, graceMs: config.shutdownGraceMs });
  await components.start();
  const baseUrl = `http://127.0.0.1:${app.server.port}`;
  const transport = createRpcTransport({
    name: 'inventory',
    baseUrl,
    logger,
    // Patient: a busy machine is no failure.
    policies: { retries: 0, breakerFailures: 1000, tryTimeoutMs: 20_000, totalTimeoutMs: 20_000 },
  });
  return {
    client: createClient(InventoryService, transport),
    baseUrl,
    async stop() {
      transport.close();
      await components.stop();
    },
  };
}

/** The service's database, migrated, without the service. */
export async function openDatabase(config: Config) {
  const { orm, database, component } = createPostgres({
    url: config.postgresUrl,
    database: `${config.databasePrefix}inventory`,
    applicationName: 'test',
    entities: [StockRow, StockAdjustmentRow, ReservationRow],
    migrations,
    logger: quietLogger,
  });
  await component.start();
  return { ...database, orm, [Symbol.asyncDispose]: () => component.stop() };
}

/** Writes order-events as the order service would, and reads the replies; the topics must exist. */
export async function talkTo(config: Config) {
  const logger = quietLogger;
  const { kafkaBrokers: brokers, topicPrefix } = config;
  const kafka = createKafka({ brokers, clientId: 'test', topicPrefix, logger });
  const producer = createProducer(kafka);
  const read: ReceivedRecord[] = [];
  const deadLetters = deadLetterTopic(topics.orderEvents, groups.inventory);
  const consumer = createBatchConsumer({
    kafka,
    groupId: uniqueName('reader'),
    topics: [topics.inventoryEvents, deadLetters],
    handle: async (batch) => void read.push(...batch),
    isOutage: () => false,
    logger,
    meter: createMetrics({ service: 'test' }).meter,
  });
  await consumer.start();
  const on = (topic: string) => read.filter((record) => record.topic === topic);
  return {
    send: (...events: OrderEvent[]) => producer.send(events.map(toRecord)),
    sendRecords: (...records: OutgoingRecord[]) => producer.send(records),
    /** Everything published so far, in order per order. */
    replies: () => on(topics.inventoryEvents),
    deadLetters: () => on(deadLetters),
    async [Symbol.asyncDispose]() {
      await consumer.stop();
      await producer.close();
    },
  };
}

/** An event as the order service writes it. */
export function toRecord(event: OrderEvent): OutgoingRecord {
  const { orderId, requery } = event;
  const encode = <Desc extends DescMessage>(
    schema: Desc,
    message: MessageInitShape<Desc>,
  ): OutgoingRecord => {
    const about = { id: randomUUID(), source: '/orderflow/order', subject: orderId, time: now, traceparent };
    const { headers, value } = encodeEvent(schema, create(schema, message), about);
    const withRequery = { ...headers, ...(requery && { requery: '1' }) };
    return { topic: topics.orderEvents, key: orderId, value, headers: withRequery };
  };
  switch (event.kind) {
    case 'accepted': {
      const { lines, payable } = event;
      const total = toMoney(payable.total, payable.currency);
      return encode(OrderAcceptedSchema, {
        orderId,
        customerId: payable.customerId,
        lines: [...lines],
        total,
      });
    }
    case 'reserved':
      return encode(OrderReservedSchema, { orderId });
    case 'confirmed':
      return encode(OrderConfirmedSchema, { orderId });
    case 'cancel_requested':
      return encode(OrderCancelRequestedSchema, { orderId });
  }
}
