import { createClient, type ServiceImpl } from '@connectrpc/connect';
import type { MikroORM } from '@mikro-orm/postgresql';
import { groups, topics } from '@orderflow/contracts';
import { InventoryService } from '@orderflow/contracts/orderflow/inventory/v1/inventory_service';
import type { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { createBatchConsumer, createRelay, type Kafka } from '@orderflow/messaging';
import { createRpcTransport } from '@orderflow/rpc';
import {
  type Component,
  type ConfigOf,
  crashPoint,
  histogram,
  type Logger,
  type Meter,
  metric,
  together,
} from '@orderflow/runtime';
import { answerExpiry, findAnswer, isPostgresOutage } from '@orderflow/storage';
import type { Redis } from 'ioredis';
import type { settings } from './config.ts';
import type { Limits } from './domain/order-step.ts';
import type { Submission } from './domain/submission.ts';
import { createDeadlineTimer } from './inbound/deadline-timer.ts';
import { createAnswersHandler } from './inbound/kafka/answers.ts';
import { createCustomerUpdatesHandler } from './inbound/kafka/customer-updates.ts';
import { createOrderEventsHandler } from './inbound/kafka/order-events.ts';
import { createOrderRecordsHandler } from './inbound/kafka/order-records.ts';
import { orderHandlers } from './inbound/rpc/order-handlers.ts';
import { sagaHandlers } from './inbound/rpc/saga-handlers.ts';
import { toWireOrder } from './inbound/rpc/wire.ts';
import { createStepReport } from './inbound/step-report.ts';
import { kafkaBacklog } from './outbound/backlog.ts';
import { staleness } from './outbound/enrichment/enrichment.ts';
import { createCustomerCopies } from './outbound/enrichment/enrichment-cache.ts';
import { createInventoryStock } from './outbound/inventory-stock.ts';
import type { createMongo } from './outbound/mongo.ts';
import { createOrderDocuments } from './outbound/order-documents.ts';
import { orderGauges } from './outbound/order-gauges.ts';
import { createOrderIntake } from './outbound/order-intake.ts';
import { createOrderLocks } from './outbound/order-locks.ts';
import { createOrderProgress } from './outbound/order-progress.ts';
import { createOrderReader } from './outbound/order-reader.ts';
import { createOrderStore } from './outbound/order-store.ts';
import { createOrderTransactions } from './outbound/order-transactions.ts';
import { isOutage } from './outbound/outage.ts';
import type { Enrichment, OrderDocuments, OrderStore, Stock } from './ports.ts';
import { createDecideOrders, type Stage } from './use-cases/decide-orders.ts';
import { decideUnderLocks } from './use-cases/decide-under-locks.ts';
import { getOrder } from './use-cases/get-order.ts';
import { judgeAll } from './use-cases/judge-all.ts';
import { createLookAtOrder } from './use-cases/look-at-order.ts';

/** What the roles of a process share. */
export interface Shared {
  readonly config: ConfigOf<typeof settings>;
  readonly orm: MikroORM;
  readonly mongo: ReturnType<typeof createMongo>['mongo'];
  readonly redis: Redis;
  readonly kafka: Kafka;
  readonly logger: Logger;
  readonly meter: Meter;
  readonly now: () => Date;
  /** What a test puts in place of the real thing. */
  readonly instead: {
    readonly store?: OrderStore;
    readonly documents?: OrderDocuments;
    readonly stock?: Stock;
    readonly checkLimitMs?: number;
  };
}

/** A look at stock is given up long before that; this is when inventory is taken for ill. */
const stockPolicies = { tryTimeoutMs: 1_000, totalTimeoutMs: 1_000, retries: 0 };

/** Orders that are looked up in one go. */
const gathering = { size: 100, joinMs: 10 };

/** Takes, reads and cancels orders over RPC. */
export function apiRole(
  { config, orm, logger, meter, now, instead }: Shared,
  enrichment: Enrichment,
): { components: Component[]; handlers: Partial<ServiceImpl<typeof OrderService>> } {
  const inventory = createRpcTransport({
    name: 'inventory',
    baseUrl: config.inventoryUrl,
    policies: stockPolicies,
    logger,
    meter,
  });
  const stock =
    instead.stock ??
    createInventoryStock(createClient(InventoryService, inventory), (error) =>
      logger.debug({ err: error }, 'stock could not be looked at'),
    );
  const judge = together(async (submissions: readonly Submission[]) => {
    const verdicts = await judgeAll(submissions, enrichment, termsOf(config), now());
    return submissions.map((submission) => verdicts.get(submission));
  }, gathering);
  const { currency, pendingDeadlineMs } = config;
  return {
    components: [
      { name: 'inventory-api', start: async () => {}, stop: async () => inventory.close() },
      answerExpiry({ orm, now, logger }),
    ],
    handlers: {
      ...orderHandlers({
        inIntake: createOrderIntake(orm, { pendingDeadlineMs, now }),
        isOutage: isPostgresOutage,
        findAnswer: (request) => findAnswer(orm.em.fork(), request),
        reader: createOrderReader(orm),
        look: createLookAtOrder({
          judge,
          stock,
          onTrouble: (error) => logger.error({ err: error }, 'orders could not be looked at'),
        }),
        checkLimitMs: instead.checkLimitMs,
        currency,
      }),
      ...sagaHandlers({
        inTransaction: createOrderTransactions(orm, { currency, now }),
        read: async (transaction, orderId) => toWireOrder(await getOrder(transaction, orderId), currency),
        limits: limitsOf(config),
        report: createStepReport(meter, logger, now),
      }),
    },
  };
}

/** Decides what arrives on `orders`. */
export function workerRole(shared: Shared, enrichment: Enrichment): Component[] {
  const { config, orm, mongo, redis, logger, meter, now, instead } = shared;
  const decideOrders = createDecideOrders({
    enrichment,
    store: instead.store ?? createOrderStore(orm, { acceptedLookMs: config.orderDeadlineMs / 2 }),
    documents: instead.documents ?? createOrderDocuments(mongo),
    terms: termsOf(config),
    now,
    stage: stageOf(meter),
  });
  const locks = createOrderLocks(redis, config.topicPrefix, (error) =>
    logger.debug({ err: error }, 'the order locks did not help'),
  );
  const customerUpdates = createBatchConsumer({
    ...consumerOptions(shared),
    groupId: groups.orderCache,
    topics: [topics.customerEvents],
    handle: createCustomerUpdatesHandler(
      createCustomerCopies(redis, config.topicPrefix, staleness.customer.usableMs),
    ),
    // It only talks to Redis, and asks for nothing that Redis could refuse because of a record or of what it holds.
    isOutage: () => true,
  });
  const orders = createBatchConsumer({
    ...consumerOptions(shared),
    groupId: groups.orderWorker,
    topics: [topics.orders],
    handle: createOrderRecordsHandler(decideUnderLocks(decideOrders, locks), logger, meter),
    isOutage,
  });
  return [customerUpdates, orders];
}

/** Tells what Postgres holds to Kafka. */
export function relayRole({ orm, kafka, logger, meter }: Shared): Component[] {
  return [createRelay({ orm, kafka, name: 'order', logger, meter })];
}

/** Moves orders on by what stock and payment say, and by what they do not say in time. */
export function sagaRole(shared: Shared): Component[] {
  const { config, orm, kafka, logger, meter, now } = shared;
  const { backlog, component: backlogComponent } = kafkaBacklog(orm, kafka);
  const inTransaction = createOrderTransactions(orm, { currency: config.currency, now });
  const report = createStepReport(meter, logger, now);
  const dependencies = { inTransaction, limits: limitsOf(config), report, logger };
  const answers = createBatchConsumer({
    ...consumerOptions(shared),
    groupId: groups.orderSaga,
    topics: [topics.inventoryEvents, topics.paymentEvents],
    handle: createAnswersHandler(dependencies),
    isOutage,
  });
  return [
    answers,
    backlogComponent,
    createDeadlineTimer({ ...dependencies, backlog, now }),
    orderGauges(orm, meter),
  ];
}

/** Shows in MongoDB how far orders have come. */
export function viewRole(shared: Shared): Component[] {
  const events = createBatchConsumer({
    ...consumerOptions(shared),
    groupId: groups.orderView,
    topics: [topics.orderEvents],
    handle: createOrderEventsHandler(createOrderProgress(shared.mongo)),
    isOutage,
    // An order has four events in its first second: its document is written once or twice instead.
    leastRestMs: 200,
  });
  return [events];
}

function consumerOptions({ config, kafka, logger, meter }: Shared) {
  const { sliceSize, sessionTimeoutMs } = config;
  return { kafka, logger, meter, sliceSize, sessionTimeoutMs };
}

function termsOf({ currency, taxBasisPoints }: Shared['config']) {
  return { currency, taxBasisPoints };
}

function limitsOf(config: Shared['config']): Limits {
  return {
    decisionMs: config.pendingDeadlineMs,
    orderMs: config.orderDeadlineMs,
    settleMs: config.settleDeadlineMs,
  };
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
