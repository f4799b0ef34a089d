import type { MikroORM as MongoORM } from '@mikro-orm/mongodb';
import type { OrderDocuments } from '../ports.ts';
import { ordersCollection, type Progress, type TimelineEntry } from './order-collection.ts';
import { type OrderDocument, toDocument } from './order-document.ts';
import { toProgress } from './order-progress.ts';
import { isRefusedDocument, isTooLarge, writeErrorsIn } from './outage.ts';

const duplicateKey = 11_000;

/** Shows decided orders in MongoDB. */
export function createOrderDocuments(mongo: MongoORM): OrderDocuments {
  const collection = ordersCollection(mongo);

  /** Inserts, in one round trip when none is there yet; what is there gets the stored decision once more. */
  async function write(documents: readonly OrderDocument[]): Promise<void> {
    try {
      await collection.insertMany(
        documents.map((document) => ({
          ...document,
          progress: progressOf(document),
          timeline: { 1: entryOf(document) },
        })),
        { ordered: false },
      );
    } catch (error) {
      const there = duplicatesIn(error, documents);
      if (there === undefined) throw error;
      const { matchedCount } = await collection.bulkWrite(
        there.map(({ _id, ...decision }) => ({
          updateOne: {
            filter: { _id },
            // The progress may have gone further; it never goes back.
            update: {
              $set: { ...decision, 'timeline.1': entryOf(decision) },
              $max: { progress: progressOf(decision) },
            },
          },
        })),
        { ordered: false },
      );
      // One is not there: what it has in common with another is no id, but something that an index wants to be unique.
      if (matchedCount < there.length) throw error;
    }
  }

  /** Writes all that can be written; finds the documents that can't by halving. */
  async function writeAll(documents: readonly OrderDocument[], refused: Map<string, unknown>): Promise<void> {
    try {
      await write(documents);
    } catch (error) {
      if (!isRefusedDocument(error)) throw error;
      const [first] = documents;
      if (documents.length === 1 && first !== undefined) {
        refused.set(first._id, error);
        return;
      }
      const middle = documents.length >> 1;
      await writeAll(documents.slice(0, middle), refused);
      await writeAll(documents.slice(middle), refused);
    }
  }

  return {
    async show(orders) {
      const refused = new Map<string, unknown>();
      await writeAll(orders.map(toDocument), refused);
      // Where none was written it may be that MongoDB takes none now. Only what is too large is so by itself.
      const doubtful = [...refused.values()].filter((error) => !isTooLarge(error));
      if (refused.size === orders.length && doubtful.length > 0) throw doubtful[0];
      return new Map(Array.from(refused, ([id, error]) => [id, causeOf(error)]));
    },
  };
}

type Decision = Pick<OrderDocument, 'outcome' | 'decide_time'>;

/** Where an order is right after its decision. The view leaves this event to us. */
function progressOf({ outcome, decide_time }: Decision): Progress {
  const payment = outcome === 'ACCEPTED' ? ({ state: 'AWAITED', transactionId: '' } as const) : undefined;
  return toProgress({ version: 1, state: outcome, payment, cancelReason: undefined, time: decide_time });
}

/** How the timeline begins: a decision is the first event of its order. */
function entryOf({ outcome, decide_time }: Decision): TimelineEntry {
  const event = outcome === 'ACCEPTED' ? 'OrderAccepted' : 'OrderRejected';
  return { event, state: outcome, time: decide_time };
}

/** The documents that were there already, if that is all that went wrong. */
function duplicatesIn(error: unknown, documents: readonly OrderDocument[]): OrderDocument[] | undefined {
  const errors = writeErrorsIn(error);
  if (errors.length === 0 || errors.some(({ code }) => code !== duplicateKey)) return undefined;
  return errors.flatMap(({ index }) => documents[index] ?? []);
}

function causeOf(error: unknown): string {
  return `MongoDB cannot hold the document: ${error instanceof Error ? error.message : String(error)}`;
}
