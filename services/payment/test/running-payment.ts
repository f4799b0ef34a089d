import { join } from 'node:path';
import { create, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf';
import { createClient } from '@connectrpc/connect';
import { groups, toMoney, topics } from '@orderflow/contracts';
import { GatewayService } from '@orderflow/contracts/orderflow/gateway/v1/gateway_service';
import { InventoryReservedSchema } from '@orderflow/contracts/orderflow/inventory/event/v1/inventory_events';
import {
  OrderAcceptedSchema,
  OrderCancelRequestedSchema,
  OrderCompletedSchema,
  OrderReservedSchema,
} from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import type { Payment } from '@orderflow/contracts/orderflow/payment/v1/payment';
import { PaymentService } from '@orderflow/contracts/orderflow/payment/v1/payment_service';
import { FaultService } from '@orderflow/contracts/orderflow/testing/v1/fault_service';
import {
  createBatchConsumer,
  createKafka,
  createProducer,
  deadLetterSpec,
  encodeEvent,
  ensureTopics,
  eventSpec,
  type ReceivedRecord,
} from '@orderflow/messaging';
import { createRpcTransport } from '@orderflow/rpc';
import { createLogger, createMetrics, loadConfig, runComponents } from '@orderflow/runtime';
import { eventually, startProcess, testStack, uniqueName } from '@orderflow/testing';
import { createApp } from '../src/app.ts';
import { type Config, settings } from '../src/config.ts';

/** Says nothing: kafkajs and the migrator are talkative. */
export const quietLogger = createLogger({ service: 'test', level: 'silent' });

const services = join(import.meta.dirname, '../..');

function clientsOf(baseUrl: string) {
  const transport = createRpcTransport({
    name: 'under test',
    baseUrl,
    logger: quietLogger,
    policies: { retries: 0, breakerFailures: 100_000, tryTimeoutMs: 20_000, totalTimeoutMs: 20_000 },
  });
  return {
    gateway: createClient(GatewayService, transport),
    faults: createClient(FaultService, transport),
    payments: createClient(PaymentService, transport),
    close: () => transport.close(),
  };
}

/** Variables that keep one test file apart from all others. */
function ownEnv(): Record<string, string> {
  const name = uniqueName('payment');
  const { KAFKA_BROKERS, POSTGRES_URL } = testStack().urls;
  return {
    KAFKA_BROKERS,
    POSTGRES_URL,
    TOPIC_PREFIX: `${name}.`,
    DATABASE_PREFIX: `${name}_`,
    PORT: '0',
    HOST: '127.0.0.1',
    SHUTDOWN_GRACE: '8s',
    KAFKA_SESSION_TIMEOUT: '3s',
    GATEWAY_DECLINED_PERCENT: '0',
  };
}

/** A program of ours in a process of its own, ready. The port is the one it logs, so that it can be any. */
export async function startProgram(service: 'payment' | 'payment-gateway-stub', env: Record<string, string>) {
  const program = startProcess({
    command: process.execPath,
    args: [join(services, service, 'src/main.ts')],
    env,
  });
  const line = await program.waitForLine(/"RPC server listens"/, { timeoutMs: 90_000 });
  const { port } = JSON.parse(line) as { port: number };
  const url = `http://127.0.0.1:${port}`;
  return { ...program, url, ...clientsOf(url) };
}

/** The gateway in a process of its own. */
export async function startGateway(env: Record<string, string>) {
  const program = await startProgram('payment-gateway-stub', env);
  return {
    ...program,
    /** The movements of an order, as `CHARGE o-1:1`. */
    async ledger(orderId: string): Promise<string[]> {
      const { entries } = await program.gateway.listLedger({ orderId });
      return entries.map(({ kind, chargeKey }) => `${['', 'CHARGE', 'VOID', 'REFUND'][kind]} ${chargeKey}`);
    },
  };
}

/** The settings that the variables give. */
export function configOf(env: Record<string, string>): Config {
  return loadConfig(settings, env);
}

/** Payment in this process. */
export async function runPayment(env: Record<string, string>) {
  const logger = quietLogger;
  const config = configOf(env);
  const app = createApp(config, { logger });
  const components = runComponents(app.components, { logger, graceMs: config.shutdownGraceMs });
  await components.start();
  const url = `http://127.0.0.1:${app.server.port}`;
  const clients = clientsOf(url);
  return {
    ...clients,
    url,
    health: app.health,
    async stop() {
      clients.close();
      await components.stop();
    },
  };
}

/** What stands around payment: the gateway, the topics, and the settings of a payment service in their middle. */
export type Surroundings = Awaited<ReturnType<typeof startSurroundings>>;

/** Starts them for one file of tests; the gateway and the topics have to be ended one by one. */
export async function startSurroundings() {
  const env = ownEnv();
  const gateway = await startGateway(env);
  const topics = await createTopics(env);
  return {
    env,
    gateway,
    topics,
    paymentEnv: { ...env, GATEWAY_URL: gateway.url, GATEWAY_TRY_TIMEOUT: '2s' },
  };
}

/** The topics around payment: writes its events, and reads its replies. */
async function createTopics(env: Record<string, string>) {
  const logger = quietLogger;
  const { kafkaBrokers: brokers, topicPrefix } = configOf(env);
  const kafka = createKafka({ brokers, clientId: 'test', topicPrefix, logger });
  const sources = [eventSpec(topics.inventoryEvents), eventSpec(topics.orderEvents)];
  const letters = sources.map((source) => deadLetterSpec(source, groups.payment));
  const replies = eventSpec(topics.paymentEvents);
  const read = [replies, ...letters];
  const group = 'test';
  await ensureTopics(kafka, [...sources, ...read, ...read.map((source) => deadLetterSpec(source, group))]);
  const producer = createProducer(kafka);
  const records: ReceivedRecord[] = [];
  const consumer = createBatchConsumer({
    kafka,
    groupId: group,
    topics: read.map(({ name }) => name),
    handle: async (batch) => void records.push(...batch),
    isOutage: () => false,
    logger,
    meter: createMetrics({ service: 'test' }).meter,
  });
  await consumer.start();

  async function publish<Desc extends DescMessage>(
    topic: string,
    schema: Desc,
    event: MessageInitShape<Desc> & { readonly orderId: string },
    headers: Record<string, string> = {},
  ): Promise<void> {
    const about = {
      id: `${event.orderId}/${schema.name}`,
      source: '/orderflow/test',
      subject: event.orderId,
      time: new Date(),
    };
    const encoded = encodeEvent(schema, create(schema, event), about);
    await producer.send([
      {
        topic,
        key: event.orderId,
        value: Buffer.from(encoded.value),
        headers: { ...encoded.headers, ...headers },
      },
    ]);
  }

  const repliesOf = (orderId: string): ReceivedRecord[] =>
    records.filter(
      ({ topic, headers }) => topic === topics.paymentEvents && headers['ce_subject'] === orderId,
    );
  const published = (orderId: string): string[] =>
    repliesOf(orderId).map(({ headers }) => headers['ce_type']?.split('.').at(-1) ?? '');

  const line = { productId: 'p-1', quantity: 1n };
  const accepted = (orderId: string, amount = 12_99n, headers = {}) => {
    const event = { orderId, customerId: 'c-1', lines: [line], total: toMoney(amount, 'USD') };
    return publish(topics.orderEvents, OrderAcceptedSchema, event, headers);
  };
  const reserved = (orderId: string, amount = 12_99n, quantity = 1n) =>
    publish(topics.inventoryEvents, InventoryReservedSchema, {
      orderId,
      customerId: 'c-1',
      lines: [{ ...line, quantity }],
      total: toMoney(amount, 'USD'),
    });

  return {
    producer,
    accepted,
    reserved,
    /** Both events that a charge needs. */
    toBePaid: (orderId: string, amount?: bigint) =>
      Promise.all([accepted(orderId, amount), reserved(orderId, amount)]),
    cancel: (orderId: string, headers = {}) =>
      publish(topics.orderEvents, OrderCancelRequestedSchema, { orderId, customerId: 'c-1' }, headers),
    completed: (orderId: string) =>
      publish(topics.orderEvents, OrderCompletedSchema, { orderId, customerId: 'c-1' }),
    requery: (orderId: string) =>
      publish(topics.orderEvents, OrderReservedSchema, { orderId, customerId: 'c-1' }, { requery: '1' }),
    /** The replies to orders, each as often as it came. */
    replies: repliesOf,
    /** Their types, as `PaymentProcessed`. */
    published,
    async untilPublished(orderId: string, type: string): Promise<void> {
      await eventually(() => published(orderId).includes(type), { timeoutMs: 25_000 });
    },
    letters: (): ReceivedRecord[] => records.filter(({ topic }) => topic.endsWith('.dlq')),
    async close() {
      await consumer.stop();
      await producer.close();
    },
  };
}

/** The payment of an order, once it is as it should be. */
export async function paymentOf(
  { payments }: Pick<Awaited<ReturnType<typeof runPayment>>, 'payments'>,
  orderId: string,
  isSo: (payment: Payment) => boolean = () => true,
): Promise<Payment> {
  return eventually(
    async () => {
      const { payment } = await payments.getPaymentByOrder({ orderId });
      if (payment === undefined || !isSo(payment)) {
        throw new Error(
          `not yet: ${JSON.stringify(payment, (_, v) => (typeof v === 'bigint' ? String(v) : v))}`,
        );
      }
      return payment;
    },
    { timeoutMs: 25_000 },
  );
}
