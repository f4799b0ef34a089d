import { MongoClient } from 'mongodb';
import pg from 'pg';
import type { Config } from '../config.ts';

/** Runs SQL in one database. */
export type Query = <Row extends pg.QueryResultRow>(
  sql: string,
  values?: readonly unknown[],
) => Promise<Row[]>;

/** The stores of all services, to be read only. */
export interface Stores extends AsyncDisposable {
  readonly orders: Query;
  readonly inventory: Query;
  readonly payment: Query;
  readonly enrichment: Query;
  documents<T extends { readonly _id: string }>(orderId?: string): Promise<T[]>;
}

/** Connects when first asked. */
export function openStores({ postgresUrl, mongoUrl, databasePrefix }: Config): Stores {
  const databases = {
    orders: 'order_service',
    inventory: 'inventory',
    payment: 'payment',
    enrichment: 'enrichment',
  } as const;
  const pools: pg.Pool[] = [];
  const query = (database: string): Query => {
    const pool = new pg.Pool({
      connectionString: `${postgresUrl}/${databasePrefix}${database}`,
      max: 2,
      connectionTimeoutMillis: 5_000,
      // It looks; it must not be able to change anything.
      options: '-c default_transaction_read_only=on',
    });
    // A server that goes away ends idle connections; the next query says so itself.
    pool.on('error', () => {});
    pools.push(pool);
    return async (sql, values = []) => (await pool.query(sql, [...values])).rows;
  };
  const mongo = new MongoClient(mongoUrl, { serverSelectionTimeoutMS: 5_000 });
  return {
    orders: query(databases.orders),
    inventory: query(databases.inventory),
    payment: query(databases.payment),
    enrichment: query(databases.enrichment),
    async documents<T extends { readonly _id: string }>(orderId?: string) {
      const collection = mongo.db(`${databasePrefix}orderflow`).collection<{ _id: string }>('orders');
      const found = await collection.find(orderId === undefined ? {} : { _id: orderId }).toArray();
      return found as unknown as T[];
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([mongo.close(), ...pools.map((pool) => pool.end())]);
    },
  };
}
