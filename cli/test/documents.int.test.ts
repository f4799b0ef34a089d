import { loadConfig } from '@orderflow/runtime';
import { testStack, uniqueName } from '@orderflow/testing';
import { MongoClient } from 'mongodb';
import { expect, test } from 'vitest';
import { settings } from '../src/config.ts';
import { openStores } from '../src/stores.ts';

test.each([0, 1, 500, 1_001])('all of %i documents are read, each once', async (count) => {
  const { urls } = testStack();
  const databasePrefix = `${uniqueName('cli').replaceAll('-', '_')}_`;
  const mongo = new MongoClient(urls.MONGO_URL);
  try {
    const written = Array.from({ length: count }, (_, index) => ({
      _id: `o-${index}`,
      outcome: `of ${index}`,
    }));
    const collection = mongo.db(`${databasePrefix}orderflow`).collection<(typeof written)[number]>('orders');
    if (count > 0) await collection.insertMany(written);

    await using stores = openStores(loadConfig(settings, { ...urls, DATABASE_PREFIX: databasePrefix }));
    const found = await Array.fromAsync(stores.documents<(typeof written)[number]>());
    expect(found.sort((a, b) => Number(a._id.slice(2)) - Number(b._id.slice(2)))).toEqual(written);
  } finally {
    await mongo.close();
  }
});
