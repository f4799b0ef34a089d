import type { MikroORM as MongoORM } from '@mikro-orm/mongodb';
import type { Collection } from 'mongodb';
import type { OrderDocument } from './to-document.ts';

/**
 * The progress of an order. MongoDB compares sub-documents field by field, so with the version first, `$max` never lets
 * it go back.
 */
export interface Progress {
  /** The version of the order's event that this progress comes from. */
  readonly version: number;
  readonly state: string;
  /** The state of the payment; absent when there is nothing to pay. */
  readonly payment?: { readonly state: string; readonly transaction_id?: string };
  readonly cancel_reason?: string;
  readonly update_time: Date;
}

/** One event of an order in its timeline. */
export interface TimelineEntry {
  readonly event: string;
  readonly state: string;
  readonly time: Date;
}

/** A document of the collection: an order's decision and progress, or for a moment only one of them. */
export type StoredDocument = { readonly _id: string } & Partial<OrderDocument> & {
    readonly progress?: Progress;
    /**
     * The events so far, by version. Separate from the progress: `$max` replaces the progress as a whole, and no event
     * knows the earlier ones. Each event writes its own field, and always the same value, so that the timeline is right
     * whatever is duplicated, late, or written after the document was rebuilt.
     */
    readonly timeline?: Readonly<Record<string, TimelineEntry>>;
  };

/** The collection of order documents. */
export function ordersCollection(mongo: MongoORM): Collection<StoredDocument> {
  return mongo.em.getCollection<StoredDocument>('orders');
}

/** Creates the indexes of the documented queries, if they do not exist. */
export async function ensureIndexes(mongo: MongoORM): Promise<void> {
  await ordersCollection(mongo).createIndexes([
    { key: { 'customer.customer_id': 1, decide_time: -1 }, name: 'customer' },
    { key: { 'progress.state': 1, decide_time: -1 }, name: 'state' },
  ]);
}
