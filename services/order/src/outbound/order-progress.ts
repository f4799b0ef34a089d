import type { MikroORM as MongoORM } from '@mikro-orm/mongodb';
import type { OrderProgress, ProgressStep } from '../ports.ts';
import { ordersCollection, type Progress } from './order-collection.ts';

/**
 * What the worker writes with the document itself. Written once more it would be the dearest step of an order for
 * MongoDB; and where it came first, the document would no longer be a plain insert.
 */
const shownByTheWorker: ReadonlySet<string> = new Set(['ACCEPTED', 'REJECTED']);

/** Keeps the progress and the timeline of the order documents, and nothing else of them. */
export function createOrderProgress(mongo: MongoORM): OrderProgress {
  const collection = ordersCollection(mongo);
  return {
    async advance(all) {
      const steps = all.filter(({ state }) => !shownByTheWorker.has(state));
      if (steps.length === 0) return 0;
      await collection.bulkWrite(
        steps.map((step) => ({
          updateOne: {
            filter: { _id: step.orderId },
            update: {
              $max: { progress: toProgress(step) },
              $set: {
                [`timeline.${step.version}`]: { event: step.event, state: step.state, time: step.time },
              },
            },
            upsert: true,
          },
        })),
        { ordered: false },
      );
      return steps.length;
    },
  };
}

/** The progress that an event tells. Its fields stand in the order in which they are compared. */
export function toProgress(step: Omit<ProgressStep, 'orderId' | 'event'>): Progress {
  const { version, state, payment, cancelReason, time } = step;
  return {
    version,
    state,
    ...(payment !== undefined && {
      payment: {
        state: payment.state,
        ...(payment.transactionId !== '' && { transaction_id: payment.transactionId }),
      },
    }),
    ...(cancelReason !== undefined && { cancel_reason: cancelReason }),
    update_time: time,
  };
}
