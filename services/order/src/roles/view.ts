import type { MikroORM as MongoORM } from '@mikro-orm/mongodb';
import { groups, topics } from '@orderflow/contracts';
import { createBatchConsumer } from '@orderflow/messaging';
import type { Component } from '@orderflow/runtime';
import { createOrderEventsHandler } from '../inbound/kafka/order-events.ts';
import { createOrderProgress } from '../outbound/mongo/order-progress.ts';
import { isOutage } from '../outbound/outage.ts';
import { consumerOptions, type Shared } from './shared.ts';

/** Updates the progress of orders in MongoDB. */
export function viewRole(shared: Shared, mongo: MongoORM): Component[] {
  const events = createBatchConsumer({
    ...consumerOptions(shared),
    groupId: groups.orderView,
    topics: [topics.orderEvents],
    handle: createOrderEventsHandler(createOrderProgress(mongo)),
    isOutage,
    // An order has four events in its first second: with the delay its document is written once or twice instead.
    minFetchDelayMs: 200,
  });
  return [events];
}
