import { isPostgresOutage } from '@orderflow/storage';
import { MongoClient, MongoNetworkError, MongoServerSelectionError } from 'mongodb';
import pg from 'pg';
import { CommandError } from './cli.ts';
import type { Config } from './config.ts';

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

/** SQLSTATE of a connection to a database that does not exist. */
const noDatabase = '3D000';

/** Connects when first asked. Throws CommandError where a store can't be reached. */
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
    return async (sql, values = []) => {
      try {
        return (await pool.query(sql, [...values])).rows;
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? error.code : undefined;
        if (code === noDatabase) {
          throw new CommandError(
            `There is no database ${databasePrefix}${database}: is DATABASE_PREFIX right, and has its service ever started?`,
          );
        }
        if (isPostgresOutage(error)) throw new CommandError(unreachable('Postgres', 'POSTGRES_URL', error));
        throw error;
      }
    };
  };
  const mongo = new MongoClient(mongoUrl, { serverSelectionTimeoutMS: 5_000 });
  return {
    orders: query(databases.orders),
    inventory: query(databases.inventory),
    payment: query(databases.payment),
    enrichment: query(databases.enrichment),
    async documents<T extends { readonly _id: string }>(orderId?: string) {
      const collection = mongo.db(`${databasePrefix}orderflow`).collection<{ _id: string }>('orders');
      try {
        const found = await collection.find(orderId === undefined ? {} : { _id: orderId }).toArray();
        return found as unknown as T[];
      } catch (error) {
        if (error instanceof MongoNetworkError || error instanceof MongoServerSelectionError) {
          throw new CommandError(unreachable('MongoDB', 'MONGO_URL', error));
        }
        throw error;
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([mongo.close(), ...pools.map((pool) => pool.end())]);
    },
  };
}

/** One sentence for whoever has to find out why. */
export function unreachable(what: string, setting: string, error: unknown): string {
  const detail = error instanceof Error ? error.message || error.name : String(error);
  return `${what} can't be reached: is it up, and is ${setting} right? (${detail})`;
}
