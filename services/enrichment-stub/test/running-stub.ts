import { createClient } from '@connectrpc/connect';
import { groups, topics } from '@orderflow/contracts';
import { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { ProductService } from '@orderflow/contracts/orderflow/enrichment/v1/product_service';
import { FaultService } from '@orderflow/contracts/orderflow/testing/v1/fault_service';
import {
  createBatchConsumer,
  createKafka,
  deadLetterSpec,
  ensureTopics,
  type ReceivedRecord,
} from '@orderflow/messaging';
import { createRpcTransport } from '@orderflow/rpc';
import { createLogger, createMetrics, loadConfig, runComponents } from '@orderflow/runtime';
import { createPostgres } from '@orderflow/storage';
import { testStack, uniqueName } from '@orderflow/testing';
import { createApp, type Overrides } from '../src/app.ts';
import { type Config, settings } from '../src/config.ts';
import { migrations } from '../src/migrations/index.ts';
import { entities } from '../src/outbound/postgres/entities.ts';

/** Says nothing: kafkajs and the migrator are talkative. */
export const quietLogger = createLogger({ service: 'test', level: 'silent' });

/** Variables for the shared stack, with a database and topics of their own. */
export function testEnv(): Record<string, string> {
  const name = uniqueName('stub');
  const { KAFKA_BROKERS, POSTGRES_URL } = testStack().urls;
  return {
    KAFKA_BROKERS,
    POSTGRES_URL,
    TOPIC_PREFIX: `${name}.`,
    DATABASE_PREFIX: `${name}_`,
    // Not that of a system that happens to run.
    ORDER_API_URL: 'http://127.0.0.1:1',
    KAFKA_SESSION_TIMEOUT: '3s',
    PORT: '0',
    SHUTDOWN_GRACE: '4s',
  };
}

export const testConfig = (env: NodeJS.ProcessEnv = {}): Config =>
  loadConfig(settings, { ...testEnv(), ...env });

/** The whole service in this process, with clients that neither retry nor open a circuit. */
export async function runStub(config: Config, overrides: Overrides = {}) {
  const logger = quietLogger;
  const app = createApp(config, { logger, ...overrides });
  const components = runComponents(app.components, { logger, graceMs: config.shutdownGraceMs });
  await components.start();
  const baseUrl = `http://127.0.0.1:${app.server.port}`;
  const transport = createRpcTransport({
    name: 'stub',
    baseUrl,
    logger,
    // Patient: a busy machine is no failure.
    policies: { retries: 0, breakerFailures: 1000, tryTimeoutMs: 20_000, totalTimeoutMs: 20_000 },
  });
  return {
    customers: createClient(CustomerService, transport),
    products: createClient(ProductService, transport),
    faults: createClient(FaultService, transport),
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
    database: `${config.databasePrefix}enrichment`,
    applicationName: 'test',
    entities,
    migrations,
    logger: quietLogger,
  });
  await component.start();
  return { ...database, orm, [Symbol.asyncDispose]: () => component.stop() };
}

/** Whether the service says over HTTP that it is ready. */
export async function isReady(stub: { baseUrl: string }): Promise<boolean> {
  return (await fetch(`${stub.baseUrl}/health/ready`)).ok;
}

/** Reads `customer-events` from the beginning, as a consumer would. */
export async function readCustomerEvents(config: Config) {
  const logger = quietLogger;
  const kafka = createKafka({
    brokers: config.kafkaBrokers,
    clientId: 'test',
    topicPrefix: config.topicPrefix,
    logger,
  });
  const source = { name: topics.customerEvents, retention: 'unlimited' } as const;
  await ensureTopics(kafka, [source, deadLetterSpec(source, groups.orderCache)]);
  const records: ReceivedRecord[] = [];
  const consumer = createBatchConsumer({
    kafka,
    groupId: groups.orderCache,
    topics: [source.name],
    handle: async (batch) => void records.push(...batch),
    isOutage: () => false,
    logger,
    meter: createMetrics({ service: 'test' }).meter,
  });
  await consumer.start();
  return { records, stop: () => consumer.stop() };
}
