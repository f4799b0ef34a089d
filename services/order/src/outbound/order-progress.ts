import type { MikroORM as MongoORM } from '@mikro-orm/mongodb';
import type { OrderProgress } from '../ports.ts';
import { ordersCollection } from './order-collection.ts';

/**
 * What the worker writes with the document itself. Written once more it would be the dearest step of an order for
 * MongoDB; and where it came first, the document would no longer be a plain insert.
 */
const shownByTheWorker: ReadonlySet<string> = new Set(['ACCEPTED', 'REJECTED']);

/** Keeps the progress of the order documents, and nothing else of them. */
export function createOrderProgress(mongo: MongoORM): OrderProgress {
  const collection = ordersCollection(mongo);
  return {
    async advance(all) {
      const steps = all.filter(({ state }) => !shownByTheWorker.has(state));
      if (steps.length === 0) return;
      await collection.bulkWrite(
        steps.map(({ orderId, version, state, time }) => ({
          updateOne: {
            filter: { _id: orderId },
            update: { $max: { progress: { version, state, update_time: time } } },
            upsert: true,
          },
        })),
        { ordered: false },
      );
    },
  };
}
