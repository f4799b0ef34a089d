import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { BSON, MongoClient } from 'mongodb';
import type { SagaBench } from './saga-loads.ts';

/** What orders have left in the stores, in bytes. */
export interface StoredBytes {
  /** All databases of our services: tables, indexes, and rows that are no longer visible. */
  readonly postgres: number;
  /** The records of all topics, once. */
  readonly kafka: number;
  /** The documents as BSON: how much of it MongoDB's compression leaves is not known. */
  readonly mongo: number;
}

/** Measures what an action stores for each of `orders` orders, whose ids begin with `prefix`. */
export async function storedBy(
  bench: SagaBench,
  { prefix, orders }: { readonly prefix: string; readonly orders: number },
  action: () => Promise<void>,
): Promise<StoredBytes> {
  const before = { postgres: await databaseBytes(bench), kafka: await recordBytes(bench) };
  await action();
  return {
    postgres: ((await databaseBytes(bench)) - before.postgres) / orders,
    kafka: ((await recordBytes(bench)) - before.kafka) / orders,
    mongo: await documentBytes(bench, prefix),
  };
}

async function databaseBytes({ pool }: SagaBench): Promise<number> {
  const { rows } = await pool.query<{ bytes: number }>(
    `select sum(pg_database_size(datname))::float8 as bytes from pg_database
     where datname in ('order_service', 'inventory', 'payment')`,
  );
  return rows[0]?.bytes ?? Number.NaN;
}

/** The segments of all partitions. The broker's own topics, which hold committed offsets, are left out. */
async function recordBytes({ stack }: SagaBench): Promise<number> {
  const { dataDir } = (await stack.status()).find(({ name }) => name === 'kafka') ?? {};
  const log = join(dataDir ?? '', 'log');
  return readdirSync(log)
    .filter((partition) => /-\d+$/.test(partition) && !partition.startsWith('_'))
    .flatMap((partition) => readdirSync(join(log, partition)).map((name) => join(log, partition, name)))
    .filter((file) => file.endsWith('.log'))
    .reduce((sum, file) => sum + statSync(file).size, 0);
}

/** The mean size of the documents of some orders. */
async function documentBytes({ stack }: SagaBench, prefix: string): Promise<number> {
  const mongo = new MongoClient(stack.urls.MONGO_URL);
  try {
    const documents = await mongo
      .db('orderflow')
      .collection('orders')
      .find({ _id: { $in: Array.from({ length: 100 }, (_, index) => `${prefix}-${index}`) as never[] } })
      .toArray();
    const sizes = documents.map((document) => BSON.calculateObjectSize(document));
    return sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
  } finally {
    await mongo.close();
  }
}
