import { createClient } from '@connectrpc/connect';
import { groups, topics } from '@orderflow/contracts';
import { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { ProductService } from '@orderflow/contracts/orderflow/enrichment/v1/product_service';
import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { Fault_Kind, FaultService } from '@orderflow/contracts/orderflow/testing/v1/fault_service';
import { createFaults } from '@orderflow/faults';
import {
  createBatchConsumer,
  createKafka,
  createRelay,
  deadLetterSpec,
  eventSpec,
} from '@orderflow/messaging';
import { createRpcTransport, refusalErrors } from '@orderflow/rpc';
import { type Component, kafkaSecurity, type Logger } from '@orderflow/runtime';
import { type App, openService } from '@orderflow/service';
import { createPostgres, isPostgresOutage, responseExpiry } from '@orderflow/storage';
import { type Config, settings } from './config.ts';
import { orderBackfill } from './dispatcher/order-backfill.ts';
import { Refusal } from './domain/refusal.ts';
import { corruptResponse } from './inbound/faults/corrupt-response.ts';
import { requestedIds } from './inbound/faults/requested-ids.ts';
import { createOrderEventsHandler } from './inbound/kafka/order-events.ts';
import { customerHandlers } from './inbound/rpc/customer-handlers.ts';
import { errorReasons } from './inbound/rpc/error-reasons.ts';
import { productHandlers } from './inbound/rpc/product-handlers.ts';
import { migrations } from './migrations/index.ts';
import { kafkaInBackground } from './outbound/kafka-in-background.ts';
import { createOrders } from './outbound/orders.ts';
import { postgresCustomerTransactions } from './outbound/postgres/customer-transaction.ts';
import { postgresCustomers } from './outbound/postgres/customers.ts';
import { entities } from './outbound/postgres/entities.ts';
import { postgresBackfill, postgresBackfillProgress } from './outbound/postgres/order-backfill.ts';
import { postgresOrderCounting, postgresOrderCounts } from './outbound/postgres/order-counts.ts';
import { postgresProducts } from './outbound/postgres/products.ts';
import { seedTables } from './outbound/postgres/seed-tables.ts';
import { backfillOrders } from './use-cases/backfill-orders.ts';

const service = 'enrichment-stub';

/** Replacements for real dependencies in tests. */
export interface Overrides {
  readonly logger?: Logger;
  readonly now?: () => Date;
  /** From 0 up to 1; decides random latency and error rates of faults. */
  readonly random?: () => number;
}

/** Creates the service: the only place that knows every concrete part. */
export function createApp(config: Config, overrides: Overrides = {}): App {
  const { random = Math.random } = overrides;
  const skeleton = openService({ service, settings, config, ...overrides });
  const { logger, meter, ownTokens } = skeleton;

  const postgres = createPostgres({
    url: config.postgresUrl,
    database: `${config.databasePrefix}enrichment`,
    applicationName: service,
    entities,
    migrations,
    seed: (sql) => seedTables(sql, now()),
    logger,
  });
  const { orm, database } = postgres;
  const now = overrides.now ?? postgres.now;
  const customers = postgresCustomers(orm);
  const products = postgresProducts(orm);
  const inTransaction = postgresCustomerTransactions(database, now);

  const { kafkaBrokers: brokers, topicPrefix } = config;
  const kafka = createKafka({
    brokers,
    security: kafkaSecurity(config),
    clientId: service,
    topicPrefix,
    logger,
  });
  const orderEvents = eventSpec(topics.orderEvents);
  const consumer = createBatchConsumer({
    kafka,
    groupId: groups.customers,
    topics: [topics.orderEvents],
    handle: createOrderEventsHandler(postgresOrderCounting(database)),
    isOutage: isPostgresOutage,
    batchSize: config.batchSize,
    sessionTimeoutMs: config.sessionTimeoutMs,
    // One event in four is counted, and a count may be late.
    minFetchDelayMs: 500,
    logger,
    meter,
  });
  const kafkaParts = kafkaInBackground({
    kafka,
    specs: [eventSpec(topics.customerEvents), orderEvents, deadLetterSpec(orderEvents, groups.customers)],
    consumer,
    logger,
  });
  const relay = createRelay({ ...postgres, kafka, name: service, logger, meter });

  const orderTransport = createRpcTransport({
    name: 'orders',
    baseUrl: config.orderApiUrl,
    policies: { tryTimeoutMs: 5_000, totalTimeoutMs: 15_000 },
    ownTokens,
    logger,
    meter,
  });
  const connections: Component = {
    name: 'connections',
    start: async () => {},
    stop: async () => orderTransport.close(),
  };
  const backfilling = {
    orders: createOrders(createClient(OrderService, orderTransport)),
    readProgress: postgresBackfillProgress(database),
    inTransaction: postgresBackfill(database),
  };
  const backfill = orderBackfill({ countPage: (signal) => backfillOrders(backfilling, signal), logger });

  const faults = createFaults({
    services: [CustomerService, ProductService],
    requestedIds,
    ownKinds: [Fault_Kind.WRONG_DATA, Fault_Kind.WRONG_ID, Fault_Kind.HUGE_REPLY],
    corruptResponse,
    random,
  });
  const customerService = customerHandlers({
    customers,
    orderCounts: postgresOrderCounts(database),
    inTransaction,
    now,
  });
  const productService = productHandlers({ products });

  return skeleton.createApp({
    parts: [
      postgres.component,
      connections,
      responseExpiry({ database, now, logger }),
      kafkaParts,
      relay,
      backfill,
    ],
    // Kafka and the order API are not checked: without them everything can be read and changed, and changes are
    // published and orders counted later.
    checked: [postgres.component],
    port: config.port,
    routes(router) {
      router.service(CustomerService, faults.misbehave(CustomerService, customerService));
      router.service(ProductService, faults.misbehave(ProductService, productService));
      router.service(FaultService, faults.handlers);
    },
    services: [CustomerService, ProductService, FaultService],
    refusalError: refusalErrors(Refusal, errorReasons),
    reasons: errorReasons,
  });
}
