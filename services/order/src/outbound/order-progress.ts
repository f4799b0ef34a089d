import type { MikroORM as MongoORM } from '@mikro-orm/mongodb';
import type { OrderProgress } from '../ports.ts';
import { ordersCollection } from './order-collection.ts';

/** Keeps the progress of the order documents, and nothing else of them. */
export function createOrderProgress(mongo: MongoORM): OrderProgress {
  const collection = ordersCollection(mongo);
  return {
    async advance(steps) {
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
