import { createClient } from '@connectrpc/connect';
import { groups, topics } from '@orderflow/contracts';
import { GatewayService } from '@orderflow/contracts/orderflow/gateway/v1/gateway_service';
import { PaymentService } from '@orderflow/contracts/orderflow/payment/v1/payment_service';
import {
  createBatchConsumer,
  createKafka,
  createRelay,
  deadLetterSpec,
  eventSpec,
  topicsComponent,
} from '@orderflow/messaging';
import { createRpcServer, createRpcTransport } from '@orderflow/rpc';
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
import type { Terms } from './domain/input.ts';
import { Refusal } from './domain/refusal.ts';
import { createCharger } from './inbound/charger.ts';
import { createOrderEventsHandler } from './inbound/kafka/order-events.ts';
import { paymentHandlers } from './inbound/rpc/payment-handlers.ts';
import { migrations } from './migrations/index.ts';
import { createGateway } from './outbound/gateway.ts';
import { PaymentAttemptRow, PaymentRow } from './outbound/postgres/entities.ts';
import { paymentReader } from './outbound/postgres/payment-reader.ts';
import { paymentTransactions } from './outbound/postgres/payment-transaction.ts';
import { waitingGauge } from './outbound/waiting-gauge.ts';
import { recordCalls } from './use-cases/record-calls.ts';
import { takeDue } from './use-cases/take-due.ts';

const service = 'payment';

/** How long the server says "not ready" before it takes no more calls. */
const drainMs = 200;

/** Calls to the gateway that are under way at once. */
const mostCalls = 32;

/** What a test may put in place of the real thing. */
export interface Overrides {
  readonly logger?: Logger;
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
  const now = () => new Date();
  const logger = overrides.logger ?? createLogger({ service, level: config.logLevel });
  const metrics = createMetrics({ service });
  const { meter } = metrics;
  logger.info({ config: describeConfig(settings, config) }, 'configuration');
  const terms: Terms = { ...config, callTimeoutMs: config.gatewayTryTimeoutMs };

  const { orm, component: database } = createPostgres({
    url: config.postgresUrl,
    database: `${config.databasePrefix}payment`,
    applicationName: service,
    entities: [PaymentRow, PaymentAttemptRow],
    migrations,
    logger,
  });
  const inTransaction = paymentTransactions(orm, now);

  // When to try again is for the rules to say, and the charger keeps to a number of calls.
  const gatewayTransport = createRpcTransport({
    name: 'gateway',
    baseUrl: config.gatewayUrl,
    policies: {
      retries: 0,
      tryTimeoutMs: config.gatewayTryTimeoutMs,
      totalTimeoutMs: config.gatewayTryTimeoutMs,
      maxConcurrent: mostCalls,
    },
    logger,
    meter,
  });
  const gatewayConnection: Component = {
    name: 'gateway',
    start: async () => {},
    stop: async () => gatewayTransport.close(),
  };
  const charger = createCharger({
    takeDue: (limit) => inTransaction((transaction) => takeDue({ transaction, terms, now: now() }, limit)),
    record: (ended) => inTransaction((transaction) => recordCalls({ transaction, terms, now: now() }, ended)),
    gateway: createGateway(createClient(GatewayService, gatewayTransport)),
    isOutage: isPostgresOutage,
    now,
    logger,
    meter,
    mostCalls,
  });

  const kafka = createKafka({
    brokers: config.kafkaBrokers,
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
    handle: createOrderEventsHandler({ inTransaction, terms, now, charger, logger }),
    isOutage: isPostgresOutage,
    logger,
    meter,
    sliceSize: config.sliceSize,
    sessionTimeoutMs: config.sessionTimeoutMs,
  });

  const parts: Component[] = [
    database,
    gatewayConnection,
    neededTopics,
    createRelay({ orm, kafka, name: service, logger, meter }),
    answerExpiry({ orm, now, logger }),
    waitingGauge(orm, now, meter),
    charger,
    consumer,
  ];
  // The gateway is left out: while it is away payments wait, and everything else works.
  const health = createHealth(parts);
  const server = createRpcServer({
    service,
    host: config.host,
    port: config.port,
    routes(router) {
      const reader = paymentReader(() => orm.em.fork());
      router.service(
        PaymentService,
        paymentHandlers({ reader, inTransaction, terms, now, onDue: charger.wake }),
      );
    },
    services: [PaymentService],
    refusal: Refusal,
    isOutage: isPostgresOutage,
    health,
    prometheus: metrics.prometheus,
    logger,
    meter,
    drainMs,
    // The rest of the time is for what stops after the server.
    graceMs: config.shutdownGraceMs / 2,
  });

  return {
    components: [metrics.component, ...parts, server],
    health,
    logger,
    port: () => server.port,
  };
}
