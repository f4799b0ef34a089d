import { createClient } from '@connectrpc/connect';
import { groups, topics } from '@orderflow/contracts';
import { GatewayService } from '@orderflow/contracts/orderflow/gateway/v1/gateway_service';
import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { PaymentService } from '@orderflow/contracts/orderflow/payment/v1/payment_service';
import {
  createBatchConsumer,
  createKafka,
  createRelay,
  deadLetterSpec,
  eventSpec,
  topicsComponent,
} from '@orderflow/messaging';
import { createRpcTransport, refusalErrors } from '@orderflow/rpc';
import { type Component, kafkaSecurity, type Logger } from '@orderflow/runtime';
import { type App, openService } from '@orderflow/service';
import { createPostgres, isPostgresOutage, responseExpiry } from '@orderflow/storage';
import { type Config, settings } from './config.ts';
import { createGatewayDispatcher } from './dispatcher/gateway-dispatcher.ts';
import type { Terms } from './domain/input.ts';
import { Refusal } from './domain/refusal.ts';
import { createOrderAndInventoryEventsHandler } from './inbound/kafka/order-and-inventory-events.ts';
import { errorReasons } from './inbound/rpc/error-reasons.ts';
import { paymentHandlers } from './inbound/rpc/payment-handlers.ts';
import { migrations } from './migrations/index.ts';
import { createGateway } from './outbound/gateway.ts';
import { createOrders } from './outbound/orders.ts';
import { PaymentAttemptRow, PaymentRow, WaitingChargeRow } from './outbound/postgres/entities.ts';
import { paymentReader } from './outbound/postgres/payment-reader.ts';
import { paymentTransactions } from './outbound/postgres/payment-transaction.ts';
import { waitingExpiry } from './outbound/postgres/waiting.ts';
import { waitingGauge } from './outbound/waiting-gauge.ts';
import { claimDueCalls } from './use-cases/claim-due-calls.ts';
import { recordCalls } from './use-cases/record-calls.ts';

const service = 'payment';

/** The maximum number of calls to the gateway in flight. */
const maxCalls = 32;

/** Replacements for real dependencies in tests. */
export interface Overrides {
  readonly logger?: Logger;
}

/** Creates the service: the only place that knows every concrete part. */
export function createApp(config: Config, overrides: Overrides = {}): App {
  const skeleton = openService({ service, settings, config, ...overrides });
  const { logger, meter, ownTokens } = skeleton;
  const terms: Terms = { ...config, callTimeoutMs: config.gatewayTryTimeoutMs };

  const postgres = createPostgres({
    url: config.postgresUrl,
    database: `${config.databasePrefix}payment`,
    applicationName: service,
    entities: [PaymentRow, PaymentAttemptRow, WaitingChargeRow],
    migrations,
    logger,
  });
  const { database, readGauge, now } = postgres;
  const inTransaction = paymentTransactions(database, now);

  // The domain decides when to retry, and the dispatcher limits the number of calls.
  const gatewayTransport = createRpcTransport({
    name: 'gateway',
    baseUrl: config.gatewayUrl,
    policies: {
      retries: 0,
      tryTimeoutMs: config.gatewayTryTimeoutMs,
      totalTimeoutMs: config.gatewayTryTimeoutMs,
      maxConcurrent: maxCalls,
    },
    ownTokens,
    logger,
    meter,
  });
  const orderTransport = createRpcTransport({
    name: 'orders',
    baseUrl: config.orderApiUrl,
    policies: { tryTimeoutMs: 1_000, totalTimeoutMs: 3_000 },
    ownTokens,
    logger,
    meter,
  });
  const connections: Component = {
    name: 'connections',
    start: async () => {},
    async stop() {
      gatewayTransport.close();
      orderTransport.close();
    },
  };
  const dispatcher = createGatewayDispatcher({
    claimDueCalls: (limit) =>
      inTransaction((transaction) => claimDueCalls({ transaction, terms, now: now() }, limit)),
    record: (ended) => inTransaction((transaction) => recordCalls({ transaction, terms, now: now() }, ended)),
    gateway: createGateway(createClient(GatewayService, gatewayTransport)),
    isOutage: isPostgresOutage,
    now,
    logger,
    meter,
    maxCalls,
  });

  const kafka = createKafka({
    brokers: config.kafkaBrokers,
    security: kafkaSecurity(config),
    clientId: service,
    topicPrefix: config.topicPrefix,
    logger,
  });
  const sources = [eventSpec(topics.inventoryEvents), eventSpec(topics.orderEvents)];
  const neededTopics = topicsComponent(kafka, [
    eventSpec(topics.paymentEvents),
    ...sources,
    ...sources.map((source) => deadLetterSpec(source, groups.payment)),
  ]);
  const consumer = createBatchConsumer({
    kafka,
    groupId: groups.payment,
    topics: sources.map(({ name }) => name),
    handle: createOrderAndInventoryEventsHandler({ inTransaction, terms, now, dispatcher, logger }),
    isOutage: isPostgresOutage,
    logger,
    meter,
    batchSize: config.batchSize,
    sessionTimeoutMs: config.sessionTimeoutMs,
  });

  return skeleton.createApp({
    // The gateway is not checked: while it is unavailable payments wait, and everything else works.
    parts: [
      postgres.component,
      connections,
      neededTopics,
      createRelay({ ...postgres, kafka, name: service, logger, meter }),
      responseExpiry({ database, now, logger }),
      waitingExpiry({ database, now, logger }),
      waitingGauge(readGauge, now, meter),
      dispatcher,
      consumer,
    ],
    port: config.port,
    routes(router) {
      const reader = paymentReader(database);
      const orders = createOrders(createClient(OrderService, orderTransport));
      router.service(
        PaymentService,
        paymentHandlers({ reader, orders, inTransaction, terms, now, onDue: dispatcher.wake }),
      );
    },
    services: [PaymentService],
    refusalError: refusalErrors(Refusal, errorReasons),
    reasons: errorReasons,
  });
}
