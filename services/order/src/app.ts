import { groups, topics } from '@orderflow/contracts';
import { CatalogService } from '@orderflow/contracts/orderflow/order/v1/catalog_service';
import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import {
  createKafka,
  deadLetterSpec,
  eventSpec,
  notifyRelays,
  type TopicSpec,
  topicsComponent,
} from '@orderflow/messaging';
import { redisCounts, refusalErrors, WINDOW_MS } from '@orderflow/rpc';
import { type Component, type ConfigOf, kafkaSecurity, type Logger } from '@orderflow/runtime';
import { type App, openService } from '@orderflow/service';
import { createPostgres } from '@orderflow/storage';
import { type Role, rolePorts, settings } from './config.ts';
import { Refusal } from './domain/refusal.ts';
import { createOrderAdapter } from './inbound/rest/create-order.ts';
import { errorReasons } from './inbound/rpc/error-reasons.ts';
import { migrations } from './migrations/index.ts';
import { connectEnrichment } from './outbound/enrichment/connect-enrichment.ts';
import type { ChangeLogLimits } from './outbound/kafka/order-changes.ts';
import { OrderHistoryRow, OrderRow } from './outbound/postgres/entities.ts';
import { ensureCurrency } from './outbound/postgres/stored-currency.ts';
import { createRedis } from './outbound/redis/redis.ts';
import type { Enrichment, OrderDocuments, OrderStore, Stock } from './ports.ts';
import { apiRole } from './roles/api.ts';
import { otherServices } from './roles/other-services.ts';
import { relayRole } from './roles/relay.ts';
import { sagaRole } from './roles/saga.ts';
import type { Shared } from './roles/shared.ts';
import type { WatchTimes } from './use-cases/watch-order.ts';

/** The configuration of a process of the order service. */
export type Config = ConfigOf<typeof settings>;

/** Replacements for real dependencies in tests. */
export interface Overrides {
  readonly enrichment?: Enrichment;
  readonly stock?: Stock;
  /** The time limit of CreateOrder's precheck: longer than promised, on a machine that is busy with other tests. */
  readonly checkLimitMs?: number;
  /** How long a watch lasts, and how often it has a bookmark. */
  readonly watchTimes?: WatchTimes;
  /** How many changes are kept for watches. */
  readonly changeLogLimits?: ChangeLogLimits;
  readonly store?: OrderStore;
  readonly documents?: OrderDocuments;
  readonly now?: () => Date;
  readonly logger?: Logger;
}

/** Records may be as large as Kafka accepts by default. */
const ordersTopic: TopicSpec = { name: topics.orders, retention: 'unlimited' };

/** The topics that each role reads and writes, with their dead-letter topics. */
const topicSpecs: Record<Role, readonly TopicSpec[]> = {
  // It accepts orders while Kafka is unavailable; watches are unavailable until the relay has created their topic.
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

/** Creates a process of the order service. Together with roles/ the only place that knows every concrete part. */
export async function createApp(
  config: Config,
  roles: readonly [Role, ...Role[]],
  overrides: Overrides = {},
): Promise<App> {
  const name = `order-${roles.join('-')}`;
  const skeleton = openService({ service: 'order', role: roles.join(','), settings, config, ...overrides });
  const { logger, meter, ownTokens } = skeleton;
  const has = (...wanted: Role[]) => wanted.some((role) => roles.includes(role));

  const postgres = createPostgres({
    url: config.postgresUrl,
    database: `${config.databasePrefix}order_service`,
    applicationName: name,
    entities: [OrderRow, OrderHistoryRow],
    migrations,
    seed: (sql) => ensureCurrency(sql, config.currency),
    logger,
  });
  if (!has('relay')) notifyRelays(postgres.database);
  // MongoDB's driver is loaded only where it is used: a process that loads it has 8 MiB more.
  const mongo = has('worker', 'view')
    ? (await import('./outbound/mongo/mongo.ts')).createMongo({
        url: config.mongoUrl,
        database: `${config.databasePrefix}orderflow`,
        logger,
      })
    : undefined;
  const { redis, component: redisComponent } = createRedis(config.redisUrl, logger);
  const kafka = createKafka({
    brokers: config.kafkaBrokers,
    security: kafkaSecurity(config),
    clientId: name,
    topicPrefix: config.topicPrefix,
    logger,
  });
  const specs = uniqueByName(roles.flatMap((role) => topicSpecs[role]));
  const shared: Shared = {
    config,
    database: postgres.database,
    readGauge: postgres.readGauge,
    relayConnection: postgres.relayConnection,
    listen: postgres.listen,
    redis,
    kafka,
    ownTokens,
    logger,
    meter,
    now: overrides.now ?? postgres.now,
    overrides,
  };

  // For the roles that judge orders; they share the cache and the state of the circuit breakers.
  const enrichmentConnection = has('api', 'worker') ? connectEnrichment(shared) : undefined;
  const enrichment = overrides.enrichment ?? enrichmentConnection?.enrichment;
  const api = has('api') && enrichment ? apiRole(shared, enrichment) : undefined;
  const others = api && otherServices(shared);
  const parts: Component[] = [
    ...(has('api', 'worker', 'relay', 'saga') ? [postgres.component] : []),
    ...(mongo ? [mongo.component] : []),
    ...(enrichmentConnection ? [redisComponent, enrichmentConnection.component] : []),
    ...(specs.length > 0 ? [topicsComponent(kafka, specs)] : []),
    ...(api ? api.components : []),
    ...(others ? [others.component] : []),
    ...(has('relay') ? relayRole(shared) : []),
    ...(has('worker') && enrichment && mongo
      ? (await import('./roles/worker.ts')).workerRole(shared, enrichment, mongo.mongo)
      : []),
    ...(has('saga') ? sagaRole(shared) : []),
    ...(has('view') && mongo ? (await import('./roles/view.ts')).viewRole(shared, mongo.mongo) : []),
  ];
  const isLimited = api !== undefined && config.authIssuer !== undefined;
  return skeleton.createApp({
    parts,
    sharedCounts: isLimited ? await redisCounts(redis, config.topicPrefix, WINDOW_MS) : undefined,
    port: config.port ?? rolePorts[roles[0]],
    routes(router) {
      if (api) router.service(OrderService, api.handlers);
      if (others) router.service(CatalogService, others.catalog);
    },
    services: api ? [OrderService, CatalogService] : [],
    forwarded: others?.forwarded ?? [],
    restAdapters: api ? [createOrderAdapter] : [],
    eventDocs: async () => (await import('@orderflow/asyncapi')).eventDocs(),
    refusalError: refusalErrors(Refusal, errorReasons),
    reasons: errorReasons,
    ...(config.corsOrigins && { cors: { allowedOrigins: config.corsOrigins } }),
  });
}

function uniqueByName(specs: readonly TopicSpec[]): TopicSpec[] {
  return [...new Map(specs.map((spec) => [spec.name, spec])).values()];
}
