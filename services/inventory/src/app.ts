import { groups, topics } from '@orderflow/contracts';
import { InventoryService } from '@orderflow/contracts/orderflow/inventory/v1/inventory_service';
import {
  createBatchConsumer,
  createKafka,
  createRelay,
  deadLetterSpec,
  eventSpec,
  topicsComponent,
} from '@orderflow/messaging';
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
import { createOrderEventsHandler } from './inbound/kafka/order-events.ts';
import { inventoryHandlers } from './inbound/rpc/inventory-handlers.ts';
import { migrations } from './migrations/index.ts';
import { ReservationRow, StockAdjustmentRow, StockRow } from './outbound/postgres/entities.ts';
import { postgresReservations } from './outbound/postgres/reservation-reader.ts';
import { postgresReservationTransactions } from './outbound/postgres/reservation-transaction.ts';
import { seedTables } from './outbound/postgres/seed-tables.ts';
import { postgresStock } from './outbound/postgres/stock-reader.ts';
import { postgresStockTransactions } from './outbound/postgres/stock-transaction.ts';
import { ReservedMeanwhile } from './ports.ts';
import { createHandleOrderEvents } from './use-cases/handle-order-events.ts';

const service = 'inventory';

/** How long the server says "not ready" before it takes no more calls. */
const drainMs = 200;

/** What a test may put in place of the real thing. */
export interface Overrides {
  readonly logger?: Logger;
  readonly now?: () => Date;
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

/** Puts the service together: the only place that knows every concrete part. */
export function createApp(config: Config, overrides: Overrides = {}): App {
  const { now = () => new Date() } = overrides;
  const logger = overrides.logger ?? createLogger({ service, level: config.logLevel });
  const metrics = createMetrics({ service });
  const { meter } = metrics;
  logger.info({ config: describeConfig(settings, config) }, 'configuration');

  const { orm, component: database } = createPostgres({
    url: config.postgresUrl,
    database: `${config.databasePrefix}inventory`,
    applicationName: service,
    entities: [StockRow, StockAdjustmentRow, ReservationRow],
    migrations,
    seed: (em) => seedTables(em, now()),
    logger,
  });

  const { kafkaBrokers: brokers, topicPrefix } = config;
  const kafka = createKafka({ brokers, clientId: service, topicPrefix, logger });
  const orderEvents = eventSpec(topics.orderEvents);
  const neededTopics = topicsComponent(kafka, [
    orderEvents,
    deadLetterSpec(orderEvents, groups.inventory),
    eventSpec(topics.inventoryEvents),
  ]);
  const relay = createRelay({ orm, kafka, name: service, logger, meter });
  const inTransaction = postgresReservationTransactions(orm);
  const consumer = createBatchConsumer({
    kafka,
    groupId: groups.inventory,
    topics: [topics.orderEvents],
    handle: createOrderEventsHandler(createHandleOrderEvents({ inTransaction, now }), logger, meter),
    // Another process at work on the same orders is no fault of the records either: they come again in a moment.
    isOutage: (error) => isPostgresOutage(error) || error instanceof ReservedMeanwhile,
    sliceSize: config.sliceSize,
    sessionTimeoutMs: config.sessionTimeoutMs,
    logger,
    meter,
  });

  const parts = [database, answerExpiry({ orm, now, logger }), neededTopics, relay, consumer];
  const health = createHealth(parts);
  const server = createRpcServer({
    service,
    host: config.host,
    port: config.port,
    routes(router) {
      router.service(
        InventoryService,
        inventoryHandlers({
          stock: postgresStock(orm),
          reservations: postgresReservations(orm),
          inTransaction: postgresStockTransactions(orm, now),
          now,
        }),
      );
    },
    services: [InventoryService],
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
