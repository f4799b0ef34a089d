import type { MikroORM as MongoORM } from '@mikro-orm/mongodb';
import type { OrderDocuments } from '../../ports.ts';
import { isRefusedDocument, isTooLarge, writeErrorsIn } from '../outage.ts';
import { ordersCollection, type Progress, type TimelineEntry } from './order-collection.ts';
import { toProgress } from './order-progress.ts';
import { type OrderDocument, toDocument } from './to-document.ts';

const duplicateKey = 11_000;

/** Writes the documents of decided orders to MongoDB. */
export function createOrderDocuments(mongo: MongoORM): OrderDocuments {
  const collection = ordersCollection(mongo);

  /** Inserts documents, in one round trip when none exists yet; existing ones get the stored decision again. */
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
      // If all were refused, MongoDB may be refusing everything now. Only a document that is too large is itself to
      // blame.
      const unexplained = [...refused.values()].filter((error) => !isTooLarge(error));
      if (refused.size === orders.length && unexplained.length > 0) throw unexplained[0];
      return new Map(Array.from(refused, ([id, error]) => [id, causeOf(error)]));
    },
  };
}

type Decision = Pick<OrderDocument, 'outcome' | 'decide_time'>;

/** The progress right after the decision. The view role does not write this event. */
function progressOf({ outcome, decide_time }: Decision): Progress {
  const payment = outcome === 'ACCEPTED' ? ({ state: 'AWAITED', transactionId: '' } as const) : undefined;
  return toProgress({ version: 1, state: outcome, payment, cancelReason: undefined, time: decide_time });
}

/** The first entry of the timeline: a decision is the first event of its order. */
function entryOf({ outcome, decide_time }: Decision): TimelineEntry {
  const event = outcome === 'ACCEPTED' ? 'OrderAccepted' : 'OrderRejected';
  return { event, state: outcome, time: decide_time };
}

/** The documents that existed already, if there was no other error. */
function duplicatesIn(error: unknown, documents: readonly OrderDocument[]): OrderDocument[] | undefined {
  const errors = writeErrorsIn(error);
  if (errors.length === 0 || errors.some(({ code }) => code !== duplicateKey)) return undefined;
  return errors.flatMap(({ index }) => documents[index] ?? []);
}

function causeOf(error: unknown): string {
  return `MongoDB cannot hold the document: ${error instanceof Error ? error.message : String(error)}`;
}
