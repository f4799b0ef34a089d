import { createClient } from '@connectrpc/connect';
import { groups, topics } from '@orderflow/contracts';
import { InventoryService } from '@orderflow/contracts/orderflow/inventory/v1/inventory_service';
import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import {
  createBatchConsumer,
  createKafka,
  createRelay,
  deadLetterSpec,
  ensureTopics,
  eventSpec,
  type TopicSpec,
} from '@orderflow/messaging';
import { createRpcServer, createRpcTransport, type RpcServer } from '@orderflow/rpc';
import {
  type Component,
  type ConfigOf,
  crashPoint,
  createHealth,
  createLogger,
  createMetrics,
  describeConfig,
  type Health,
  histogram,
  type Logger,
  type Meter,
  metric,
} from '@orderflow/runtime';
import { createPostgres, findAnswer, forgetOldAnswers, isPostgresOutage } from '@orderflow/storage';
import { type Role, rolePorts, settings } from './config.ts';
import { createCustomerUpdatesHandler } from './inbound/kafka/customer-updates.ts';
import { createOrderEventsHandler } from './inbound/kafka/order-events.ts';
import { createOrderRecordsHandler } from './inbound/kafka/order-records.ts';
import { explainRefusal } from './inbound/rpc/explain-refusal.ts';
import { orderHandlers } from './inbound/rpc/order-handlers.ts';
import { migrations } from './migrations/index.ts';
import { attentionGauge } from './outbound/attention-gauge.ts';
import { connectEnrichment } from './outbound/enrichment/connect-enrichment.ts';
import { staleness } from './outbound/enrichment/enrichment.ts';
import { createCustomerCopies } from './outbound/enrichment/enrichment-cache.ts';
import { OrderHistoryRow, OrderRow } from './outbound/entities.ts';
import { createInventoryStock } from './outbound/inventory-stock.ts';
import { createMongo } from './outbound/mongo.ts';
import { createOrderDocuments } from './outbound/order-documents.ts';
import { createOrderLocks } from './outbound/order-locks.ts';
import { createOrderProgress } from './outbound/order-progress.ts';
import { createOrderReader } from './outbound/order-reader.ts';
import { createOrderStore } from './outbound/order-store.ts';
import { createOrderTransactions } from './outbound/order-transactions.ts';
import { isOutage } from './outbound/outage.ts';
import { createRedis } from './outbound/redis.ts';
import type { Enrichment, OrderDocuments, OrderStore, Stock } from './ports.ts';
import { createDecideOrders, type Stage } from './use-cases/decide-orders.ts';
import { decideUnderLocks } from './use-cases/decide-under-locks.ts';
import { createLookAtOrder } from './use-cases/look-at-order.ts';

/** Everything a process of the order service needs to know. */
export type Config = ConfigOf<typeof settings>;

/** What a test puts in place of the real thing. */
export interface Overrides {
  readonly enrichment?: Enrichment;
  readonly store?: OrderStore;
  readonly documents?: OrderDocuments;
  readonly stock?: Stock;
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

/** How long the API says "not ready" before it takes no more calls. */
const drainMs = 200;

/** A look at stock is given up long before that; what counts here is when inventory is taken for ill. */
const stockPolicies = { tryTimeoutMs: 1_000, totalTimeoutMs: 1_000, retries: 0 };

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
  view: [eventSpec(topics.orderEvents), deadLetterSpec(eventSpec(topics.orderEvents), groups.orderView)],
};

/** Puts a process of the order service together: the only place that knows every concrete part. */
export function createApp(config: Config, roles: readonly [Role, ...Role[]], overrides: Overrides = {}): App {
  const name = `order-${roles.join('-')}`;
  const logger =
    overrides.logger ?? createLogger({ service: 'order', role: roles.join(','), level: config.logLevel });
  const metrics = createMetrics({ service: 'order', role: roles.join(',') });
  const { meter } = metrics;
  logger.info({ config: describeConfig(settings, config) }, 'configuration');
  const now = overrides.now ?? (() => new Date());
  const has = (role: Role) => roles.includes(role);

  const postgres = createPostgres({
    url: config.postgresUrl,
    database: `${config.databasePrefix}order_service`,
    applicationName: name,
    entities: [OrderRow, OrderHistoryRow],
    migrations,
    seed: (em) => forgetOldAnswers(em, now()),
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
  const topicsComponent: Component = {
    name: 'topics',
    start: () => ensureTopics(kafka, specs),
    stop: async () => {},
  };
  const consumerOptions = {
    kafka,
    logger,
    meter,
    sliceSize: config.sliceSize,
    sessionTimeoutMs: config.sessionTimeoutMs,
  };

  // The roles of one process share what they read and what they know of the API's health.
  const enrichmentApi =
    has('api') || has('worker')
      ? connectEnrichment({
          customerApiUrl: config.customerApiUrl,
          productApiUrl: config.productApiUrl,
          tryTimeoutMs: config.enrichmentTryTimeoutMs,
          deadlineMs: config.enrichmentDeadlineMs,
          redis,
          prefix: config.topicPrefix,
          currency: config.currency,
          now,
          logger,
          meter,
        })
      : undefined;

  function judging() {
    const enrichment = overrides.enrichment ?? enrichmentApi?.enrichment;
    if (enrichment === undefined) throw new Error(`${name} has no role that judges orders`);
    const terms = { currency: config.currency, taxBasisPoints: config.taxBasisPoints };
    return { enrichment, terms, now };
  }

  function api(): { component: Component; handlers: ReturnType<typeof orderHandlers> } {
    const inventory = createRpcTransport({
      name: 'inventory',
      baseUrl: config.inventoryUrl,
      policies: stockPolicies,
      logger,
      meter,
    });
    const stock =
      overrides.stock ??
      createInventoryStock(createClient(InventoryService, inventory), (error) =>
        logger.debug({ err: error }, 'stock could not be looked at'),
      );
    return {
      component: { name: 'inventory-api', start: async () => {}, stop: async () => inventory.close() },
      handlers: orderHandlers({
        inTransaction: createOrderTransactions(postgres.orm, {
          pendingDeadlineMs: config.pendingDeadlineMs,
          now,
        }),
        findAnswer: (request) => findAnswer(postgres.orm.em.fork(), request),
        reader: createOrderReader(postgres.orm),
        look: createLookAtOrder({ ...judging(), stock }),
        currency: config.currency,
      }),
    };
  }

  function worker(): Component[] {
    const decideOrders = createDecideOrders({
      ...judging(),
      store:
        overrides.store ?? createOrderStore(postgres.orm, { acceptedLookMs: config.orderDeadlineMs / 2 }),
      documents: overrides.documents ?? createOrderDocuments(mongo),
      stage: stageOf(meter),
    });
    const locks = createOrderLocks(redis, config.topicPrefix, (error) =>
      logger.debug({ err: error }, 'the order locks did not help'),
    );
    const customerUpdates = createBatchConsumer({
      ...consumerOptions,
      groupId: groups.orderCache,
      topics: [topics.customerEvents],
      handle: createCustomerUpdatesHandler(
        createCustomerCopies(redis, config.topicPrefix, staleness.customer.usableMs),
      ),
      // It only talks to Redis, which never has a word to say about a record.
      isOutage: () => true,
    });
    const orders = createBatchConsumer({
      ...consumerOptions,
      groupId: groups.orderWorker,
      topics: [topics.orders],
      handle: createOrderRecordsHandler(decideUnderLocks(decideOrders, locks), logger, meter),
      isOutage,
    });
    return [customerUpdates, orders];
  }

  function view(): Component {
    return createBatchConsumer({
      ...consumerOptions,
      groupId: groups.orderView,
      topics: [topics.orderEvents],
      handle: createOrderEventsHandler(createOrderProgress(mongo)),
      isOutage,
    });
  }

  const apiRole = has('api') ? api() : undefined;
  const needsPostgres = has('api') || has('worker') || has('relay');
  const needsMongo = has('worker') || has('view');
  const parts: Component[] = [
    ...(needsPostgres ? [postgres.component] : []),
    ...(needsMongo ? [mongoComponent] : []),
    ...(enrichmentApi ? [redisComponent, enrichmentApi.component] : []),
    ...(apiRole ? [apiRole.component] : []),
    ...(specs.length > 0 ? [topicsComponent] : []),
    ...(has('relay')
      ? [
          createRelay({ orm: postgres.orm, kafka, name: 'order', logger, meter }),
          attentionGauge(postgres.orm, meter),
        ]
      : []),
    ...(has('worker') ? worker() : []),
    ...(has('view') ? [view()] : []),
  ];
  const health = createHealth(parts);
  const server = createRpcServer({
    service: name,
    host: config.host,
    port: config.port ?? rolePorts[roles[0]],
    routes: (router) => apiRole && router.service(OrderService, apiRole.handlers),
    services: apiRole ? [OrderService] : [],
    explain: explainRefusal,
    isOutage: isPostgresOutage,
    ...(config.corsOrigins && { cors: { allowedOrigins: config.corsOrigins } }),
    health,
    prometheus: metrics.prometheus,
    logger,
    meter,
    drainMs: apiRole ? drainMs : 0,
    // The rest of the time is for what stops after the server.
    graceMs: config.shutdownGraceMs / 2,
  });
  return { components: [...parts, server], health, logger, server };
}

/** Where a process can be made to die between two durable steps: right after a stage. */
const crashPoints = {
  enrich: 'worker-after-enrichment',
  decide: 'worker-after-decision',
  show: 'worker-after-mongo',
} as const;

function stageOf(meter: Meter): Stage {
  const duration = histogram(meter, metric.sliceDuration);
  return async (name, work) => {
    const began = performance.now();
    const result = await work();
    duration.record((performance.now() - began) / 1000, { group: groups.orderWorker, stage: name });
    crashPoint(crashPoints[name]);
    return result;
  };
}

function uniqueByName(specs: readonly TopicSpec[]): TopicSpec[] {
  return [...new Map(specs.map((spec) => [spec.name, spec])).values()];
}
