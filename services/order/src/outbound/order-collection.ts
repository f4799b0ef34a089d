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
  /** Where the money is; absent when there is nothing to pay. */
  readonly payment?: { readonly state: string; readonly transaction_id?: string };
  readonly cancel_reason?: string;
  readonly update_time: Date;
}

/** One event of an order, as its timeline shows it. */
export interface TimelineEntry {
  readonly event: string;
  readonly state: string;
  readonly time: Date;
}

/** What the collection holds: an order's decision, its progress, or for a moment only one of them. */
export type StoredDocument = { readonly _id: string } & Partial<OrderDocument> & {
    readonly progress?: Progress;
    /**
     * What has happened, by the version of the event that told it. Beside the progress and not inside: `$max` puts the
     * progress in place as a whole, and no event knows those before it. Each event writes its own field, and always
     * the same into it, so that the timeline is right whatever comes twice, late, or after the document was rebuilt.
     */
    readonly timeline?: Readonly<Record<string, TimelineEntry>>;
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
