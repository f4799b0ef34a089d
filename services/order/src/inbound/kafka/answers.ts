import type { ReceivedRecord, SetAside, SliceHandler } from '@orderflow/messaging';
import { crashPoint, type InTransaction, type Logger } from '@orderflow/runtime';
import { isStep, type Limits, type Occurrence } from '../../domain/order-step.ts';
import type { SagaTransaction } from '../../ports.ts';
import { advanceOrders } from '../../use-cases/advance-orders.ts';
import type { StepReport } from '../step-report.ts';
import { readAnswer } from './read-answer.ts';

interface Dependencies {
  readonly inTransaction: InTransaction<SagaTransaction>;
  readonly limits: Limits;
  readonly report: StepReport;
  readonly logger: Logger;
}

/** Handles slices of `inventory-events` and `payment-events`: orders move on by what participants say, a slice at once. */
export function createAnswersHandler({ inTransaction, limits, report, logger }: Dependencies): SliceHandler {
  return async (records) => {
    const setAside: SetAside[] = [];
    const read: { record: ReceivedRecord; occurrence: Occurrence }[] = [];
    for (const record of records) {
      try {
        const occurrence = readAnswer(record);
        if (occurrence !== undefined) read.push({ record, occurrence });
      } catch (error) {
        setAside.push({ record, reason: 'MALFORMED_PROTOBUF', detail: String(error) });
      }
    }
    if (read.length === 0) return { setAside, idle: true };

    const occurrences = read.map(({ occurrence }) => occurrence);
    const reactions = await inTransaction((transaction) =>
      advanceOrders({ transaction, limits }, occurrences),
    );
    crashPoint('saga-after-transaction');
    for (const [index, { record, occurrence }] of read.entries()) {
      if (reactions[index] !== undefined) continue;
      const detail = `there is no order ${occurrence.orderId}`;
      logger.warn({ order_id: occurrence.orderId, reason: 'ORDER_UNKNOWN', cause: occurrence.cause }, detail);
      setAside.push({ record, reason: 'ORDER_UNKNOWN', detail });
    }
    report(reactions.filter(isStep));
    return { setAside };
  };
}
