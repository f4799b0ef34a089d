import type { MikroORM as MongoORM } from '@mikro-orm/mongodb';
import { groups, topics } from '@orderflow/contracts';
import { createBatchConsumer } from '@orderflow/messaging';
import { type Component, crashPoint, histogram, type Meter } from '@orderflow/runtime';
import { createCustomerUpdatesHandler } from '../inbound/kafka/customer-updates.ts';
import { createOrderRecordsHandler } from '../inbound/kafka/order-records.ts';
import { metric } from '../metrics.ts';
import { staleness } from '../outbound/enrichment/enrichment.ts';
import { createCustomerCache } from '../outbound/enrichment/enrichment-cache.ts';
import { createOrderDocuments } from '../outbound/mongo/order-documents.ts';
import { isOutage } from '../outbound/outage.ts';
import { createOrderStore } from '../outbound/postgres/order-store.ts';
import { createPartitionLocks } from '../outbound/redis/partition-locks.ts';
import type { Enrichment } from '../ports.ts';
import { createDecideOrders, type Stage } from '../use-cases/decide-orders.ts';
import { decideUnderLocks } from '../use-cases/decide-under-locks.ts';
import { consumerOptions, limitsOf, type Shared, termsOf } from './shared.ts';

/** Decides submissions on `orders`. */
export function workerRole(shared: Shared, enrichment: Enrichment, mongo: MongoORM): Component[] {
  const { config, database, redis, logger, meter, overrides } = shared;
  const decideOrders = createDecideOrders({
    enrichment,
    store:
      overrides.store ?? createOrderStore(database, { currency: config.currency, limits: limitsOf(config) }),
    documents: overrides.documents ?? createOrderDocuments(mongo),
    terms: termsOf(config),
    stage: stageOf(meter),
  });
  const locks = createPartitionLocks(redis, config.topicPrefix, (error) =>
    logger.debug({ err: error }, 'partition locks unavailable; continuing without them'),
  );
  const customerUpdates = createBatchConsumer({
    ...consumerOptions(shared),
    groupId: groups.orderCache,
    topics: [topics.customerEvents],
    handle: createCustomerUpdatesHandler(
      createCustomerCache(redis, config.topicPrefix, staleness.customer.usableMs),
    ),
    // It uses only Redis, and runs no command that Redis could refuse because of a record or of stored data.
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

/** Crash points between two durable writes: right after a stage. */
const crashPoints = {
  enrich: 'worker-after-enrichment',
  decide: 'worker-after-decision',
  show: 'worker-after-mongo',
} as const;

function stageOf(meter: Meter): Stage {
  const duration = histogram(meter, metric.batchDuration);
  return async (name, work) => {
    const began = performance.now();
    const result = await work();
    duration.record((performance.now() - began) / 1000, { group: groups.orderWorker, stage: name });
    crashPoint(crashPoints[name]);
    return result;
  };
}
