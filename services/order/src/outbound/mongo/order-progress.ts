import type { MikroORM as MongoORM } from '@mikro-orm/mongodb';
import type { OrderProgress, ProgressUpdate } from '../../ports.ts';
import { ordersCollection, type Progress } from './order-collection.ts';

/**
 * The events whose progress the worker writes with the document itself. Writing it again would be the most expensive
 * operation of an order in MongoDB; and if it came first, the document would no longer be a plain insert.
 */
const writtenByTheWorker: ReadonlySet<string> = new Set(['ACCEPTED', 'REJECTED']);

/** Updates the progress and the timeline of the order documents. */
export function createOrderProgress(mongo: MongoORM): OrderProgress {
  const collection = ordersCollection(mongo);
  return {
    async advance(all) {
      const updates = all.filter(({ state }) => !writtenByTheWorker.has(state));
      if (updates.length === 0) return 0;
      await collection.bulkWrite(
        updates.map((update) => ({
          updateOne: {
            filter: { _id: update.orderId },
            update: {
              $max: { progress: toProgress(update) },
              $set: {
                [`timeline.${update.version}`]: {
                  event: update.event,
                  state: update.state,
                  time: update.time,
                },
              },
            },
            upsert: true,
          },
        })),
        { ordered: false },
      );
      return updates.length;
    },
  };
}

/** The progress of an event. Its fields are in the order in which MongoDB compares them. */
export function toProgress(update: Omit<ProgressUpdate, 'orderId' | 'event'>): Progress {
  const { version, state, payment, cancelReason, time } = update;
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
