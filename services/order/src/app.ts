import { createClient } from '@connectrpc/connect';
import { groups, topics } from '@orderflow/contracts';
import { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { ProductService } from '@orderflow/contracts/orderflow/enrichment/v1/product_service';
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
import { createPostgres } from '@orderflow/storage';
import { type Role, rolePorts, settings } from './config.ts';
import type { Limits } from './domain/order-step.ts';
import { createDeadlineTimer } from './inbound/deadline-timer.ts';
import { createAnswersHandler } from './inbound/kafka/answers.ts';
import { createCustomerUpdatesHandler } from './inbound/kafka/customer-updates.ts';
import { createOrderEventsHandler } from './inbound/kafka/order-events.ts';
import { createOrderRecordsHandler } from './inbound/kafka/order-records.ts';
import { createStepReport } from './inbound/step-report.ts';
import { migrations } from './migrations/index.ts';
import { attentionGauge } from './outbound/attention-gauge.ts';
import { kafkaBacklog } from './outbound/backlog.ts';
import { createEnrichment, staleness } from './outbound/enrichment/enrichment.ts';
import { createCustomerCopies } from './outbound/enrichment/enrichment-cache.ts';
import { OrderHistoryRow, OrderRow } from './outbound/entities.ts';
import { createMongo } from './outbound/mongo.ts';
import { createOrderDocuments } from './outbound/order-documents.ts';
import { createOrderLocks } from './outbound/order-locks.ts';
import { createOrderProgress } from './outbound/order-progress.ts';
import { createOrderStore } from './outbound/order-store.ts';
import { isOutage } from './outbound/outage.ts';
import { createRedis } from './outbound/redis.ts';
import { postgresSagaTransactions } from './outbound/saga-transaction.ts';
import type { Enrichment, OrderDocuments, OrderStore } from './ports.ts';
import { createDecideOrders, type Stage } from './use-cases/decide-orders.ts';
import { decideUnderLocks } from './use-cases/decide-under-locks.ts';

/** Everything a process of the order service needs to know. */
export type Config = ConfigOf<typeof settings>;

/** What a test puts in place of the real thing. */
export interface Overrides {
  readonly enrichment?: Enrichment;
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

/** Records may be as large as Kafka takes them by default. */
const ordersTopic: TopicSpec = { name: topics.orders, retention: 'unlimited' };

/** The topics that the roles read and write, with their dead letters. */
const topicSpecs: Record<Role, readonly TopicSpec[]> = {
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
  const topicsComponent: Component = {
    name: 'topics',
    start: () => ensureTopics(kafka, uniqueByName(roles.flatMap((role) => topicSpecs[role]))),
    stop: async () => {},
  };
  const limits: Limits = {
    decisionMs: config.pendingDeadlineMs,
    orderMs: config.orderDeadlineMs,
    settleMs: config.settleDeadlineMs,
  };
  const consumerOptions = {
    kafka,
    logger,
    meter,
    sliceSize: config.sliceSize,
    sessionTimeoutMs: config.sessionTimeoutMs,
  };

  function worker(): Component[] {
    const upstream = (api: string, baseUrl: string) =>
      createRpcTransport({
        name: api,
        baseUrl,
        policies: {
          tryTimeoutMs: config.enrichmentTryTimeoutMs,
          totalTimeoutMs: config.enrichmentDeadlineMs,
        },
        logger,
        meter,
      });
    const customerApi = upstream('customers', config.customerApiUrl);
    const productApi = upstream('products', config.productApiUrl);
    const decideOrders = createDecideOrders({
      enrichment:
        overrides.enrichment ??
        createEnrichment({
          customers: createClient(CustomerService, customerApi),
          products: createClient(ProductService, productApi),
          redis,
          prefix: config.topicPrefix,
          currency: config.currency,
          now,
          logger,
          meter,
        }),
      store:
        overrides.store ?? createOrderStore(postgres.orm, { acceptedLookMs: config.orderDeadlineMs / 2 }),
      documents: overrides.documents ?? createOrderDocuments(mongo),
      terms: { currency: config.currency, taxBasisPoints: config.taxBasisPoints },
      now,
      stage: stageOf(meter),
    });
    const locks = createOrderLocks(redis, config.topicPrefix, (error) =>
      logger.debug({ err: error }, 'the order locks did not help'),
    );
    const connections: Component = {
      name: 'enrichment-api',
      start: async () => {},
      stop: async () => {
        customerApi.close();
        productApi.close();
      },
    };
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
    return [connections, customerUpdates, orders];
  }

  function saga(): Component[] {
    const { backlog, component: backlogComponent } = kafkaBacklog(postgres.orm, kafka);
    const inTransaction = postgresSagaTransactions(postgres.orm, { currency: config.currency, now });
    const dependencies = { inTransaction, limits, report: createStepReport(meter, logger, now), logger };
    const answers = createBatchConsumer({
      ...consumerOptions,
      groupId: groups.orderSaga,
      topics: [topics.inventoryEvents, topics.paymentEvents],
      handle: createAnswersHandler(dependencies),
      isOutage,
    });
    return [answers, backlogComponent, createDeadlineTimer({ ...dependencies, backlog })];
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

  const needsPostgres = has('worker') || has('relay') || has('saga');
  const needsMongo = has('worker') || has('view');
  const parts: Component[] = [
    ...(needsPostgres ? [postgres.component] : []),
    ...(needsMongo ? [mongoComponent] : []),
    ...(has('worker') ? [redisComponent] : []),
    topicsComponent,
    ...(has('relay')
      ? [
          createRelay({ orm: postgres.orm, kafka, name: 'order', logger, meter }),
          attentionGauge(postgres.orm, meter),
        ]
      : []),
    ...(has('worker') ? worker() : []),
    ...(has('saga') ? saga() : []),
    ...(has('view') ? [view()] : []),
  ];
  const health = createHealth(parts);
  const server = createRpcServer({
    service: name,
    host: config.host,
    port: config.port ?? rolePorts[roles[0]],
    routes: () => {},
    services: [],
    health,
    prometheus: metrics.prometheus,
    logger,
    meter,
    drainMs: 0,
    graceMs: config.shutdownGraceMs,
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
