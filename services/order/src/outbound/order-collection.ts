import type { MikroORM as MongoORM } from '@mikro-orm/mongodb';
import type { Collection } from 'mongodb';
import type { OrderDocument } from './order-document.ts';

/**
 * How far an order has come. MongoDB compares sub-documents field by field, so that `$max` with the version first
 * lets it only go forward.
 */
export interface Progress {
  /** Version of the order's event that this tells of. */
  readonly version: number;
  readonly state: string;
  readonly update_time: Date;
}

/** What the collection holds: an order's decision, its progress, or for a moment only one of them. */
export type StoredDocument = { readonly _id: string } & Partial<OrderDocument> & {
    readonly progress?: Progress;
  };

/** The collection of order documents. */
export function ordersCollection(mongo: MongoORM): Collection<StoredDocument> {
  return mongo.em.getCollection<StoredDocument>('orders');
}

/** Creates the indexes that people query by; does nothing when they are there. */
export async function ensureIndexes(mongo: MongoORM): Promise<void> {
  await ordersCollection(mongo).createIndexes([
    { key: { 'customer.customer_id': 1, decide_time: -1 }, name: 'customer' },
    { key: { 'progress.state': 1, decide_time: -1 }, name: 'state' },
  ]);
}
