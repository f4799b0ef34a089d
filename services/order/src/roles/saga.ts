import { groups, topics } from '@orderflow/contracts';
import { createBatchConsumer } from '@orderflow/messaging';
import type { Component } from '@orderflow/runtime';
import { isPostgresOutage } from '@orderflow/storage';
import { createDeadlineTimer } from '../inbound/deadline-timer.ts';
import { createSagaRepliesHandler } from '../inbound/kafka/saga-replies.ts';
import { createTransitionReport } from '../inbound/transition-report.ts';
import { kafkaBacklog } from '../outbound/kafka/backlog.ts';
import { createDueOrders } from '../outbound/postgres/due-orders.ts';
import { orderGauges } from '../outbound/postgres/order-gauges.ts';
import { createOrderTransactions } from '../outbound/postgres/order-transactions.ts';
import { createParticipantWatch } from '../use-cases/watch-participants.ts';
import { consumerOptions, limitsOf, type Shared } from './shared.ts';

/** Advances orders by the replies of inventory and payment, and by deadlines. */
export function sagaRole(shared: Shared): Component[] {
  const { config, database, readGauge, kafka, logger, meter, now } = shared;
  const { backlog, progress, component: backlogComponent } = kafkaBacklog(database, kafka);
  const inTransaction = createOrderTransactions(database, { currency: config.currency, now });
  const report = createTransitionReport(meter, logger, now);
  const dependencies = { inTransaction, limits: limitsOf(config), report, logger };
  const replies = createBatchConsumer({
    ...consumerOptions(shared),
    groupId: groups.orderSaga,
    topics: [topics.inventoryEvents, topics.paymentEvents],
    handle: createSagaRepliesHandler(dependencies),
    isOutage: isPostgresOutage,
  });
  return [
    replies,
    backlogComponent,
    createDeadlineTimer({
      ...dependencies,
      backlog,
      dueOrders: createDueOrders(database),
      participants: createParticipantWatch({
        progress,
        pollIntervalMs: participantPollIntervalMs(config.orderDeadlineMs),
      }),
      now,
    }),
    orderGauges(readGauge, meter),
  ];
}

/** Well below the time that participants have to reply, and longer than they take for a batch. */
function participantPollIntervalMs(orderDeadlineMs: number): number {
  return Math.max(500, Math.min(2_500, orderDeadlineMs / 8));
}
