import { isPostgresOutage, postgresServer } from '@orderflow/storage/driver';
import { MongoClient, MongoNetworkError, MongoServerSelectionError } from 'mongodb';
import pg from 'pg';
import { CommandError } from './cli.ts';
import type { Config } from './config.ts';

/** Runs SQL in one database. */
export interface Query {
  <Row extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  /** The rows of a query in batches, from one snapshot. */
  batches<Row extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]): AsyncIterable<Row[]>;
}

/** The stores of all services, read-only. */
export interface Stores extends AsyncDisposable {
  readonly orders: Query;
  readonly inventory: Query;
  readonly payment: Query;
  readonly enrichment: Query;
  /** Reads the document of an order. */
  document<T extends { readonly _id: string }>(orderId: string): Promise<T | undefined>;
  /** Reads all documents, one after the other. */
  documents<T extends { readonly _id: string }>(): AsyncIterable<T>;
}

/** The maximum number of rows or documents read at once. */
const BATCH_SIZE = 500;

/** SQLSTATE of a connection to a database that does not exist. */
const noDatabase = '3D000';

/** Creates them without connecting. Reads throw CommandError where a store is unavailable. */
export function openStores({ postgresUrl, mongoUrl, databasePrefix }: Config): Stores {
  const databases = {
    orders: 'order_service',
    inventory: 'inventory',
    payment: 'payment',
    enrichment: 'enrichment',
  } as const;
  const server = postgresServer(postgresUrl);
  const pools: pg.Pool[] = [];
  const query = (database: string): Query => {
    const pool = new pg.Pool({
      connectionString: `${server.url}/${databasePrefix}${database}`,
      ssl: server.ssl,
      max: 2,
      connectionTimeoutMillis: 5_000,
      // Read-only, so that nothing can be changed.
      options: '-c default_transaction_read_only=on',
    });
    // A server that stops ends idle connections; the next query then reports it.
    pool.on('error', () => {});
    pools.push(pool);
    const explained = (error: unknown): unknown => {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (code === noDatabase) {
        return new CommandError(
          `Database ${databasePrefix}${database} does not exist: is DATABASE_PREFIX right, and has its service ever started?`,
        );
      }
      return isPostgresOutage(error)
        ? new CommandError(unreachable('Postgres', 'POSTGRES_URL', error))
        : error;
    };
    async function run(sql: string, values: readonly unknown[] = []) {
      try {
        return (await pool.query(sql, [...values])).rows;
      } catch (error) {
        throw explained(error);
      }
    }
    async function* batches(sql: string, values: readonly unknown[] = []) {
      let client: pg.PoolClient | undefined;
      try {
        client = await pool.connect();
        await client.query('begin');
        await client.query(`declare rows no scroll cursor for ${sql}`, [...values]);
        for (;;) {
          const { rows } = await client.query(`fetch ${BATCH_SIZE} from rows`);
          if (rows.length === 0) break;
          yield rows;
        }
        await client.query('commit');
      } catch (error) {
        throw explained(error);
      } finally {
        // A transaction that was not finished ends with its connection.
        client?.release(true);
      }
    }
    return Object.assign(run, { batches }) as Query;
  };
  const mongo = new MongoClient(mongoUrl, { serverSelectionTimeoutMS: 5_000 });
  const collection = mongo.db(`${databasePrefix}orderflow`).collection<{ _id: string }>('orders');
  const reached = async <T>(read: () => Promise<T>): Promise<T> => {
    try {
      return await read();
    } catch (error) {
      if (error instanceof MongoNetworkError || error instanceof MongoServerSelectionError) {
        throw new CommandError(unreachable('MongoDB', 'MONGO_URL', error));
      }
      throw error;
    }
  };
  const withIds = async <T>(ids: readonly string[]): Promise<T[]> => {
    const found = await reached(() => collection.find({ _id: { $in: [...ids] } }).toArray());
    return found as unknown as T[];
  };
  return {
    orders: query(databases.orders),
    inventory: query(databases.inventory),
    payment: query(databases.payment),
    enrichment: query(databases.enrichment),
    async document<T extends { readonly _id: string }>(orderId: string) {
      const found = await reached(() => collection.findOne({ _id: orderId }));
      return (found as unknown as T | null) ?? undefined;
    },
    async *documents<T extends { readonly _id: string }>() {
      // By their ids, some at a time: the stand-in for MongoDB holds all that a query finds in memory.
      const cursor = collection.find({}, { batchSize: BATCH_SIZE, projection: { _id: 1 } });
      const next = () => reached(() => cursor.next());
      let ids: string[] = [];
      for (let found = await next(); found !== null; found = await next()) {
        if (ids.length === BATCH_SIZE) {
          yield* await withIds<T>(ids);
          ids = [];
        }
        ids.push(found._id);
      }
      yield* await withIds<T>(ids);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([mongo.close(), ...pools.map((pool) => pool.end())]);
    },
  };
}

/** Formats that something is unavailable. */
export function unreachable(what: string, setting: string, error: unknown): string {
  const detail = error instanceof Error ? error.message || error.name : String(error);
  return `${what} is unavailable: is it running, and is ${setting} right? (${detail})`;
}
