import { type BatchHandler, readBatch } from '@orderflow/messaging';
import { crashPoint, type InTransaction, type Logger } from '@orderflow/runtime';
import { isTransition, type Limits } from '../../domain/transition.ts';
import type { SagaTransaction } from '../../ports.ts';
import { advanceOrders } from '../../use-cases/advance-orders.ts';
import type { TransitionReport } from '../transition-report.ts';
import { readReply } from './read-reply.ts';

interface Dependencies {
  readonly inTransaction: InTransaction<SagaTransaction>;
  readonly limits: Limits;
  readonly report: TransitionReport;
  readonly logger: Logger;
}

/** Handles batches of `inventory-events` and `payment-events`: replies of participants that advance orders. */
export function createSagaRepliesHandler({
  inTransaction,
  limits,
  report,
  logger,
}: Dependencies): BatchHandler {
  return async (records) => {
    const { events, deadLetters } = readBatch(records, readReply);
    if (events.length === 0) return { deadLetters, idle: true };

    const inputs = events.map(({ event }) => event);
    const results = await inTransaction((transaction) => advanceOrders({ transaction, limits }, inputs));
    crashPoint('saga-after-transaction');
    for (const [index, { record, event: input }] of events.entries()) {
      if (results[index] !== undefined) continue;
      const detail = `order ${input.orderId} does not exist`;
      logger.warn({ order_id: input.orderId, reason: 'ORDER_UNKNOWN', cause: input.cause }, detail);
      deadLetters.push({ record, reason: 'ORDER_UNKNOWN', detail });
    }
    report(results.filter(isTransition));
    return { deadLetters };
  };
}
