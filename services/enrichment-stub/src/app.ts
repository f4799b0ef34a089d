import { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { ProductService } from '@orderflow/contracts/orderflow/enrichment/v1/product_service';
import { Fault_Kind, FaultService } from '@orderflow/contracts/orderflow/testing/v1/fault_service';
import { createFaults } from '@orderflow/faults';
import { createKafka, createRelay } from '@orderflow/messaging';
import { createRpcServer } from '@orderflow/rpc';
import {
  type Component,
  createHealth,
  createLogger,
  createMetrics,
  describeConfig,
  type Health,
  type Logger,
} from '@orderflow/runtime';
import { answerExpiry, createPostgres, isPostgresOutage } from '@orderflow/storage';
import { type Config, settings } from './config.ts';
import { Refusal } from './domain/refusal.ts';
import { askedIds } from './inbound/faults/asked-ids.ts';
import { spoilAnswer } from './inbound/faults/spoil-answer.ts';
import { customerHandlers } from './inbound/rpc/customer-handlers.ts';
import { productHandlers } from './inbound/rpc/product-handlers.ts';
import { migrations } from './migrations/index.ts';
import { kafkaTopics } from './outbound/kafka-topics.ts';
import { postgresCustomerTransactions } from './outbound/postgres/customer-transaction.ts';
import { postgresCustomers } from './outbound/postgres/customers.ts';
import { CustomerRow, ProductRow } from './outbound/postgres/entities.ts';
import { postgresProducts } from './outbound/postgres/products.ts';
import { seedTables } from './outbound/postgres/seed-tables.ts';

const service = 'enrichment-stub';

/** How long the server says "not ready" before it takes no more calls. */
const drainMs = 200;

/** What a test may put in place of the real thing. */
export interface Overrides {
  readonly logger?: Logger;
  readonly now?: () => Date;
  /** From 0 up to 1; decides random latency and error rates of faults. */
  readonly random?: () => number;
}

/** The whole service, not yet started. */
export interface App {
  /** In the order in which they start. */
  readonly components: readonly Component[];
  readonly health: Health;
  readonly logger: Logger;
  /** Where it listens; throws before the start. */
  readonly port: () => number;
}

/** Puts the service together. */
export function createApp(config: Config, overrides: Overrides = {}): App {
  const { now = () => new Date(), random = Math.random } = overrides;
  const logger = overrides.logger ?? createLogger({ service, level: config.logLevel });
  const metrics = createMetrics({ service });
  logger.info({ config: describeConfig(settings, config) }, 'configuration');

  const { orm, component: database } = createPostgres({
    url: config.postgresUrl,
    database: `${config.databasePrefix}enrichment`,
    applicationName: service,
    entities: [CustomerRow, ProductRow],
    migrations,
    seed: (em) => seedTables(em, now()),
    logger,
  });
  const customers = postgresCustomers(orm);
  const products = postgresProducts(orm);
  const inTransaction = postgresCustomerTransactions(orm, now);

  const { kafkaBrokers: brokers, topicPrefix } = config;
  const kafka = createKafka({ brokers, clientId: service, topicPrefix, logger });
  const relay = createRelay({ orm, kafka, name: service, logger, meter: metrics.meter });

  const faults = createFaults({
    services: [CustomerService, ProductService],
    askedIds,
    ownKinds: [Fault_Kind.WRONG_DATA, Fault_Kind.WRONG_ID, Fault_Kind.HUGE_REPLY],
    spoilAnswer,
    random,
  });
  const customerService = customerHandlers({ customers, inTransaction, now });
  const productService = productHandlers({ products });

  // Kafka is left out: without it everything can be read, and what is written is told later.
  const health = createHealth([database]);
  const server = createRpcServer({
    service,
    host: config.host,
    port: config.port,
    routes(router) {
      router.service(CustomerService, faults.misbehave(CustomerService, customerService));
      router.service(ProductService, faults.misbehave(ProductService, productService));
      router.service(FaultService, faults.handlers);
    },
    services: [CustomerService, ProductService, FaultService],
    refusal: Refusal,
    isOutage: isPostgresOutage,
    health,
    prometheus: metrics.prometheus,
    logger,
    meter: metrics.meter,
    drainMs,
    // The rest of the time is for what stops after the server.
    graceMs: config.shutdownGraceMs / 2,
  });

  return {
    components: [
      metrics.component,
      database,
      answerExpiry({ orm, now, logger }),
      kafkaTopics(kafka, logger),
      relay,
      server,
    ],
    health,
    logger,
    port: () => server.port,
  };
}
