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
import { refusalErrors } from '@orderflow/rpc';
import { kafkaSecurity, type Logger } from '@orderflow/runtime';
import { type App, openService } from '@orderflow/service';
import { createPostgres, isPostgresOutage, responseExpiry } from '@orderflow/storage';
import { type Config, settings } from './config.ts';
import { Refusal } from './domain/refusal.ts';
import { createOrderEventsHandler } from './inbound/kafka/order-events.ts';
import { errorReasons } from './inbound/rpc/error-reasons.ts';
import { inventoryHandlers } from './inbound/rpc/inventory-handlers.ts';
import { migrations } from './migrations/index.ts';
import { ReservationRow, StockAdjustmentRow, StockRow } from './outbound/postgres/entities.ts';
import { postgresReservations } from './outbound/postgres/reservation-reader.ts';
import { postgresReservationTransactions } from './outbound/postgres/reservation-transaction.ts';
import { seedTables } from './outbound/postgres/seed-tables.ts';
import { postgresStock } from './outbound/postgres/stock-reader.ts';
import { postgresStockTransactions } from './outbound/postgres/stock-transaction.ts';
import { ConcurrentReservationError } from './ports.ts';
import { createHandleOrderEvents } from './use-cases/handle-order-events.ts';

const service = 'inventory';

/** Replacements for real dependencies in tests. */
export interface Overrides {
  readonly logger?: Logger;
  readonly now?: () => Date;
}

/** Creates the service: the only place that knows every concrete part. */
export function createApp(config: Config, overrides: Overrides = {}): App {
  const skeleton = openService({ service, settings, config, ...overrides });
  const { logger, meter } = skeleton;

  const postgres = createPostgres({
    url: config.postgresUrl,
    database: `${config.databasePrefix}inventory`,
    applicationName: service,
    entities: [StockRow, StockAdjustmentRow, ReservationRow],
    migrations,
    seed: (sql) => seedTables(sql, now()),
    logger,
  });
  const { orm, database } = postgres;
  const now = overrides.now ?? postgres.now;

  const { kafkaBrokers: brokers, topicPrefix } = config;
  const kafka = createKafka({
    brokers,
    security: kafkaSecurity(config),
    clientId: service,
    topicPrefix,
    logger,
  });
  const orderEvents = eventSpec(topics.orderEvents);
  const neededTopics = topicsComponent(kafka, [
    orderEvents,
    deadLetterSpec(orderEvents, groups.inventory),
    eventSpec(topics.inventoryEvents),
  ]);
  const relay = createRelay({ ...postgres, kafka, name: service, logger, meter });
  const inTransaction = postgresReservationTransactions(database);
  const consumer = createBatchConsumer({
    kafka,
    groupId: groups.inventory,
    topics: [topics.orderEvents],
    handle: createOrderEventsHandler(createHandleOrderEvents({ inTransaction, now }), logger, meter),
    // A process that handles the same orders at the same time is not the records' fault either: they are handled again.
    isOutage: (error) => isPostgresOutage(error) || error instanceof ConcurrentReservationError,
    batchSize: config.batchSize,
    sessionTimeoutMs: config.sessionTimeoutMs,
    logger,
    meter,
  });

  return skeleton.createApp({
    parts: [postgres.component, responseExpiry({ database, now, logger }), neededTopics, relay, consumer],
    port: config.port,
    routes(router) {
      router.service(
        InventoryService,
        inventoryHandlers({
          stock: postgresStock(orm, database),
          reservations: postgresReservations(orm),
          inTransaction: postgresStockTransactions(database, now),
          now,
        }),
      );
    },
    services: [InventoryService],
    refusalError: refusalErrors(Refusal, errorReasons),
    reasons: errorReasons,
  });
}
