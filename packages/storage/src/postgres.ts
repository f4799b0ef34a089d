import type { Constructor, EntitySchema } from '@mikro-orm/core';
import { type Migration, Migrator } from '@mikro-orm/migrations';
import { MikroORM, type SqlEntityManager } from '@mikro-orm/postgresql';
import type { Component, Logger } from '@orderflow/runtime';
import { isPostgresOutage } from './outage.ts';
import { PreparingClient } from './preparing-client.ts';

/** How a service reaches its Postgres database. */
export interface PostgresOptions {
  /** The server, without a database: `postgres://user:password@host:5432`. */
  readonly url: string;
  readonly database: string;
  /** Shown in `pg_stat_activity`. */
  readonly applicationName: string;
  // biome-ignore lint/suspicious/noExplicitAny: entities of any shape
  readonly entities: readonly EntitySchema<any, any, any>[];
  /** In the order they run. A name, once released, never changes. */
  readonly migrations: readonly { readonly name: string; readonly class: Constructor<Migration> }[];
  /** Runs in the same transaction as the migrations' lock, after them; for data that must be there. */
  readonly seed?: (em: SqlEntityManager) => Promise<void>;
  readonly logger: Logger;
}

/** A service's database: the ORM, and a component that prepares it at start and answers whether it can be reached. */
export interface Postgres {
  readonly orm: MikroORM;
  readonly component: Component;
}

const connectTimeoutMs = 5_000;
/**
 * The server ends a transaction whose process sends nothing for this long: one that is frozen, or whose machine is gone,
 * must not keep its row locks from the process that has taken over its work. Transactions here take far less than 1 s.
 */
const idleInTransactionMs = 10_000;
/**
 * Statements are planned once for all values, by index wherever there is one: the plan of a table's first day, when it
 * has no rows, would read the whole of it, and would be kept. A count that has no index then counts as so expensive that
 * older servers would compile it first.
 */
const plansForGood = '-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off';
/** Any number will do as long as no other advisory lock of the database has it. */
const preparationLock = 3_601_975;

/** Nothing is connected before the component's start, which creates the database and runs the migrations. */
export function createPostgres(options: PostgresOptions): Postgres {
  const { url, database, applicationName, entities, migrations, logger } = options;
  const orm = new MikroORM({
    clientUrl: url,
    dbName: database,
    entities: [...entities],
    extensions: [Migrator],
    migrations: { migrationsList: [...migrations], snapshot: false },
    // Tables without entities: they come with their own statements and their own SQL.
    schemaGenerator: { skipTables: ['idempotency', 'outbox', 'relay_lease'] },
    driverOptions: {
      connectionTimeoutMillis: connectTimeoutMs,
      idle_in_transaction_session_timeout: idleInTransactionMs,
      application_name: applicationName,
      options: plansForGood,
      Client: PreparingClient,
      // Statements that do not wait for each other's answers are sent together.
      pipeline: true,
      onPoolCreated: giveBackLostConnections,
    },
    // These lines go into a JSON log.
    colors: false,
    logger: (message) => logger.debug(message),
  });
  return {
    orm,
    component: {
      name: 'postgres',
      isOutage: isPostgresOutage,
      async start() {
        await ensureDatabase(url, database);
        await orm.em.fork().transactional(async (em) => {
          // The migrator has connections of its own; this transaction only keeps other processes waiting, for as long
          // as it takes.
          await em.execute('set local idle_in_transaction_session_timeout = 0');
          await em.execute('select pg_advisory_xact_lock(?)', [preparationLock]);
          await orm.migrator.up();
          await options.seed?.(em);
        });
      },
      stop: () => orm.close(),
      async check() {
        await orm.em.fork().execute('select 1');
      },
    },
  };
}

/** Already there: as the statement finds it, and as it fails when another process creates it at the same time. */
const alreadyThere = new Set(['42P04', '23505']);

async function ensureDatabase(url: string, database: string): Promise<void> {
  const admin = new MikroORM({
    clientUrl: url,
    dbName: 'postgres',
    discovery: { warnWhenNoEntities: false },
    driverOptions: { connectionTimeoutMillis: connectTimeoutMs },
  });
  try {
    const found = await admin.em.execute('select 1 from pg_database where datname = ?', [database]);
    if (found.length === 0) await admin.em.execute('create database ??', [database]);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (!alreadyThere.has(code)) throw error;
  } finally {
    await admin.close();
  }
}

/** What is used here of the driver's pool and its connections. */
interface Pool {
  on(event: 'connect' | 'acquire', listener: (connection: Connection) => void): void;
  on(event: 'release', listener: (error: unknown, connection: Connection) => void): void;
}
interface Connection {
  once(event: 'end', listener: () => void): void;
  release(destroy: boolean): void;
}

/**
 * Kysely gives the connection of a transaction back only when its commit or rollback succeeds. When the server goes
 * away neither does, so that each outage would cost connections until the pool has none left.
 */
function giveBackLostConnections(pool: Pool): void {
  const inUse = new Set<Connection>();
  pool.on('acquire', (connection) => inUse.add(connection));
  pool.on('release', (_, connection) => inUse.delete(connection));
  pool.on('connect', (connection) => {
    connection.once('end', () => {
      // Statements outside of transactions are given back by Kysely as soon as they have failed, before this runs.
      setImmediate(() => {
        if (inUse.has(connection)) connection.release(true);
      });
    });
  });
}
