import type { MikroORM as MongoORM } from '@mikro-orm/mongodb';
import type { EnrichedOrder } from '../../domain/enriched-order.ts';
import type { OrderDocuments } from '../../ports.ts';
import { isRefusedDocument, isTooLarge, writeErrorsIn } from '../outage.ts';
import { entryOf, progressOf, withProgress } from './decision-progress.ts';
import { documentBytes } from './document-bytes.ts';
import { encodedDocument, takesEncodedDocuments } from './encoded-elements.ts';
import { ordersCollection, type StoredDocument } from './order-collection.ts';
import { toDocument } from './to-document.ts';

const duplicateKey = 11_000;

/** Writes the documents of decided orders to MongoDB. */
export function createOrderDocuments(mongo: MongoORM): OrderDocuments {
  const collection = ordersCollection(mongo);

  /** Inserts documents, in one round trip when none exists yet; existing ones get the stored decision again. */
  async function write(orders: readonly EnrichedOrder[]): Promise<void> {
    try {
      await collection.insertMany(orders.map(toInsert), { ordered: false });
    } catch (error) {
      const there = duplicatesIn(error, orders)?.map(toDocument);
      if (there === undefined) throw error;
      const { matchedCount } = await collection.bulkWrite(
        there.map(({ _id, ...decision }) => ({
          updateOne: {
            filter: { _id },
            // The progress may be further; it never goes back.
            update: {
              $set: { ...decision, 'timeline.1': entryOf(decision) },
              $max: { progress: progressOf(decision) },
            },
          },
        })),
        { ordered: false },
      );
      // One does not exist: its duplicate key is not the id, but that of another unique index.
      if (matchedCount < there.length) throw error;
    }
  }

  /** Writes as many documents as possible; finds the refused ones by halving. */
  async function writeAll(orders: readonly EnrichedOrder[], refused: Map<string, unknown>): Promise<void> {
    try {
      await write(orders);
    } catch (error) {
      if (!isRefusedDocument(error)) throw error;
      const [first] = orders;
      if (orders.length === 1 && first !== undefined) {
        refused.set(first.orderId, error);
        return;
      }
      const middle = orders.length >> 1;
      await writeAll(orders.slice(0, middle), refused);
      await writeAll(orders.slice(middle), refused);
    }
  }

  return {
    async show(orders) {
      const refused = new Map<string, unknown>();
      await writeAll(orders, refused);
      // If all were refused, MongoDB may be refusing everything now. Only a document that is too large is itself to
      // blame.
      const unexplained = [...refused.values()].filter((error) => !isTooLarge(error));
      if (refused.size === orders.length && unexplained.length > 0) throw unexplained[0];
      return new Map(Array.from(refused, ([id, error]) => [id, causeOf(error)]));
    },
  };
}

/**
 * The document to insert. Most orders are accepted: theirs are encoded here, because the driver's encoding of objects
 * would be a fifth of an order's CPU.
 */
function toInsert(order: EnrichedOrder): StoredDocument {
  const { decision } = order;
  if (decision.outcome === 'REJECTED' || !takesEncodedDocuments) return withProgress(toDocument(order));
  return encodedDocument(order.orderId, documentBytes(order, decision));
}

/** The orders whose documents existed already, if there was no other error. */
function duplicatesIn(error: unknown, orders: readonly EnrichedOrder[]): EnrichedOrder[] | undefined {
  const errors = writeErrorsIn(error);
  if (errors.length === 0 || errors.some(({ code }) => code !== duplicateKey)) return undefined;
  return errors.flatMap(({ index }) => orders[index] ?? []);
}

function causeOf(error: unknown): string {
  return `MongoDB cannot hold the document: ${error instanceof Error ? error.message : String(error)}`;
}
