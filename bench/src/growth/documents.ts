import type { Stack } from '@orderflow/devstack';
import { MongoClient } from 'mongodb';
import { storedId } from './stored-orders.ts';

/** The documents of the stored orders. */
export interface Documents {
  /** Deletes all documents, and inserts those of `count` stored orders. */
  store(count: number): Promise<void>;
  close(): Promise<void>;
}

const insertedAtOnce = 2_000;

/** Keeps the documents of the first `templates` stored orders as templates. */
export async function keepDocuments({ urls }: Stack, templates: number): Promise<Documents> {
  const client = new MongoClient(urls.MONGO_URL);
  const collection = client.db('orderflow').collection<{ _id: string }>('orders');
  const ids = Array.from({ length: templates }, (_, number) => storedId(number));
  const indexes = (await collection.indexes()).filter(({ name }) => name !== '_id_');
  const kept = await collection.find({ _id: { $in: ids } }).toArray();
  return {
    async store(count) {
      // Deleting a million documents one by one would take longer than inserting them.
      await collection.drop();
      await collection.createIndexes(
        indexes.map(({ key, name }) => ({ key, ...(name !== undefined && { name }) })),
      );
      for (let first = 0; first < count; first += insertedAtOnce) {
        const length = Math.min(insertedAtOnce, count - first);
        await collection.insertMany(
          Array.from({ length }, (_, index) => ({
            ...kept[(first + index) % kept.length],
            _id: storedId(first + index),
          })),
          { ordered: false },
        );
      }
    },
    close: () => client.close(),
  };
}
