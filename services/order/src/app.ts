import { groups, topics } from '@orderflow/contracts';
import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import {
  createKafka,
  deadLetterSpec,
  eventSpec,
  type TopicSpec,
  topicsComponent,
} from '@orderflow/messaging';
import { createRpcServer, type RpcServer } from '@orderflow/rpc';
import {
  type Component,
  type ConfigOf,
  createHealth,
  createLogger,
  createMetrics,
  describeConfig,
  type Health,
  type Logger,
} from '@orderflow/runtime';
import { createPostgres, isPostgresOutage } from '@orderflow/storage';
import { type Role, rolePorts, settings } from './config.ts';
import { Refusal } from './domain/refusal.ts';
import { migrations } from './migrations/index.ts';
import { connectEnrichment } from './outbound/enrichment/connect-enrichment.ts';
import { OrderHistoryRow, OrderRow } from './outbound/entities.ts';
import { createMongo } from './outbound/mongo.ts';
import { createRedis } from './outbound/redis.ts';
import type { Enrichment, OrderDocuments, OrderStore, Stock } from './ports.ts';
import { apiRole, relayRole, type Shared, sagaRole, viewRole, workerRole } from './roles.ts';

/** Everything a process of the order service needs to know. */
export type Config = ConfigOf<typeof settings>;

/** What a test puts in place of the real thing. */
export interface Overrides {
  readonly enrichment?: Enrichment;
  readonly stock?: Stock;
  /** How long CreateOrder looks at an order: longer than promised, on a machine that is busy with other tests. */
  readonly checkLimitMs?: number;
  readonly store?: OrderStore;
  readonly documents?: OrderDocuments;
  readonly now?: () => Date;
  readonly logger?: Logger;
}

/** A process of the order service: to be started and stopped as a whole. */
export interface App {
  readonly components: readonly Component[];
  readonly health: Health;
  readonly logger: Logger;
  readonly server: RpcServer;
}

/** How long a process that takes calls says "not ready" before it takes no more. */
const drainMs = 200;

/** Records may be as large as Kafka takes them by default. */
const ordersTopic: TopicSpec = { name: topics.orders, retention: 'unlimited' };

/** The topics that the roles read and write, with their dead letters. */
const topicSpecs: Record<Role, readonly TopicSpec[]> = {
  // It leaves Kafka to the relay, so that it takes orders while Kafka is away.
  api: [],
  worker: [
    ordersTopic,
    deadLetterSpec(ordersTopic, groups.orderWorker),
    eventSpec(topics.customerEvents),
    deadLetterSpec(eventSpec(topics.customerEvents), groups.orderCache),
  ],
  relay: [ordersTopic, eventSpec(topics.orderEvents)],
  saga: [topics.inventoryEvents, topics.paymentEvents].flatMap((topic) => [
    eventSpec(topic),
    deadLetterSpec(eventSpec(topic), groups.orderSaga),
  ]),
  view: [eventSpec(topics.orderEvents), deadLetterSpec(eventSpec(topics.orderEvents), groups.orderView)],
};

/** Puts a process of the order service together. With roles.ts the only place that knows every concrete part. */
export function createApp(config: Config, roles: readonly [Role, ...Role[]], overrides: Overrides = {}): App {
  const name = `order-${roles.join('-')}`;
  const logger =
    overrides.logger ?? createLogger({ service: 'order', role: roles.join(','), level: config.logLevel });
  const metrics = createMetrics({ service: 'order', role: roles.join(',') });
  const { meter } = metrics;
  logger.info({ config: describeConfig(settings, config) }, 'configuration');
  const now = overrides.now ?? (() => new Date());
  const has = (...wanted: Role[]) => wanted.some((role) => roles.includes(role));

  const postgres = createPostgres({
    url: config.postgresUrl,
    database: `${config.databasePrefix}order_service`,
    applicationName: name,
    entities: [OrderRow, OrderHistoryRow],
    migrations,
    logger,
  });
  const { mongo, component: mongoComponent } = createMongo({
    url: config.mongoUrl,
    database: `${config.databasePrefix}orderflow`,
    logger,
  });
  const { redis, component: redisComponent } = createRedis(config.redisUrl, logger);
  const kafka = createKafka({
    brokers: config.kafkaBrokers,
    clientId: name,
    topicPrefix: config.topicPrefix,
    logger,
  });
  const specs = uniqueByName(roles.flatMap((role) => topicSpecs[role]));
  const shared: Shared = {
    config,
    orm: postgres.orm,
    mongo,
    redis,
    kafka,
    logger,
    meter,
    now,
    instead: overrides,
  };

  // Whoever judges orders; both share what they read and what they know of the enrichment API's health.
  const judges = has('api', 'worker') ? connectEnrichment(shared) : undefined;
  const enrichment = overrides.enrichment ?? judges?.enrichment;
  const api = has('api') && enrichment ? apiRole(shared, enrichment) : undefined;
  const parts: Component[] = [
    ...(has('api', 'worker', 'relay', 'saga') ? [postgres.component] : []),
    ...(has('worker', 'view') ? [mongoComponent] : []),
    ...(judges ? [redisComponent, judges.component] : []),
    ...(specs.length > 0 ? [topicsComponent(kafka, specs)] : []),
    ...(api ? api.components : []),
    ...(has('relay') ? relayRole(shared) : []),
    ...(has('worker') && enrichment ? workerRole(shared, enrichment) : []),
    ...(has('saga') ? sagaRole(shared) : []),
    ...(has('view') ? viewRole(shared) : []),
  ];
  const health = createHealth(parts);
  const server = createRpcServer({
    service: name,
    host: config.host,
    port: config.port ?? rolePorts[roles[0]],
    routes: (router) => api && router.service(OrderService, api.handlers),
    services: api ? [OrderService] : [],
    refusal: Refusal,
    isOutage: isPostgresOutage,
    ...(config.corsOrigins && { cors: { allowedOrigins: config.corsOrigins } }),
    health,
    prometheus: metrics.prometheus,
    logger,
    meter,
    drainMs: api ? drainMs : 0,
    // The rest of the time is for what stops after the server.
    graceMs: config.shutdownGraceMs / 2,
  });
  return { components: [metrics.component, ...parts, server], health, logger, server };
}

function uniqueByName(specs: readonly TopicSpec[]): TopicSpec[] {
  return [...new Map(specs.map((spec) => [spec.name, spec])).values()];
}
