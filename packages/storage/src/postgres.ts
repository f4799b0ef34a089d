import type { Constructor, EntitySchema } from '@mikro-orm/core';
import { type Migration, Migrator } from '@mikro-orm/migrations';
import { MikroORM } from '@mikro-orm/postgresql';
import type { Component, Logger } from '@orderflow/runtime';
import { databaseOf } from './database.ts';
import { databaseClock } from './database-clock.ts';
import { type Listen, listenWith } from './listen.ts';
import { isPostgresOutage, sqlState } from './outage.ts';
import { type OwnConnection, ownConnection } from './own-connection.ts';
import { type PostgresServer, postgresServer } from './postgres-server.ts';
import { PreparingClient } from './preparing-client.ts';
import type { Database, RunSql, Sql } from './sql.ts';

/** How a service reaches its Postgres database. */
export interface PostgresOptions {
  /** The server, without a database: `postgres://user:password@host:5432`; parameters as in `postgresServer`. */
  readonly url: string;
  readonly database: string;
  /** Shown in `pg_stat_activity`. */
  readonly applicationName: string;
  // biome-ignore lint/suspicious/noExplicitAny: entities of any shape
  readonly entities: readonly EntitySchema<any, any, any>[];
  /** In the order they run. A name, once released, never changes. */
  readonly migrations: readonly { readonly name: string; readonly class: Constructor<Migration> }[];
  /** Runs in the transaction that holds the migration lock, after the migrations; inserts required data. */
  readonly seed?: (sql: Sql) => Promise<void>;
  readonly logger: Logger;
}

/**
 * A service's database: the ORM, and a component that prepares the database at start and checks that it is available.
 */
export interface Postgres {
  /** For queries that are built from entities. */
  readonly orm: MikroORM;
  readonly database: Database;
  /** Runs a gauge's SQL on a connection of its own. */
  readonly readGauge: RunSql;
  /** Creates a connection for the statements of a relay, which closes it. */
  readonly relayConnection: () => OwnConnection;
  /** Receives notifications on a connection of its own. */
  readonly listen: Listen;
  readonly component: Component;
  /** The database's time, whatever the clock of this machine says; see `DatabaseClock`. */
  readonly now: () => Date;
}

const connectTimeoutMs = 5_000;
/**
 * The server ends a transaction whose process is silent for this long: one that is frozen, or whose machine is gone,
 * must not keep its row locks from the process that has taken over its work. Transactions here take far less than 1 s.
 */
const idleInTransactionMs = 10_000;
/**
 * The server ends a statement of a running service that takes this long. A statement that waits for a lock ends
 * earlier, with an error of its own, which counts as an outage: the holder of the lock is to blame, not the data.
 */
const serviceLimits = '-c statement_timeout=30s -c lock_timeout=20s';
/** Migrations and seeds, and waiting for those of another process, have no time limit. */
const noLimits = '-c statement_timeout=0 -c lock_timeout=0';
/**
 * Statements are planned once for all values, by index wherever there is one: a plan made while a table is still empty
 * would be a sequential scan, and would be kept. A count without an index then has such a high estimated cost that
 * older servers would use JIT compilation for it.
 */
const plansForGood = '-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off';
/** The longest statement of a gauge, in milliseconds. */
const gaugeMs = 5_000;
/**
 * A plan made while the outbox was empty would read and sort the whole backlog each time. A deletion that the server
 * loses in a crash has the relay send its rows again, which readers are prepared for, so it need not wait for the disk.
 */
const relaySettings = '-c enable_sort=off -c synchronous_commit=off';
/** The key of an advisory lock; any number that the database does not use otherwise. */
const preparationLock = 3_601_975;

/** Creates it without connecting: the component's start creates the database and runs the migrations. */
export function createPostgres(options: PostgresOptions): Postgres {
  const { database, applicationName } = options;
  const server = postgresServer(options.url);
  const orm = connect(options, serviceLimits);
  const service = databaseOf(orm);
  const own = {
    connectionString: `${server.url}/${database}`,
    ssl: server.ssl,
    connectionTimeoutMillis: connectTimeoutMs,
  };
  const gauges = ownConnection({
    ...own,
    application_name: `${applicationName} gauges`,
    options: plansForGood,
    statement_timeout: gaugeMs,
  });
  const clock = databaseClock(service);
  return {
    orm,
    database: service,
    readGauge: gauges.query,
    relayConnection: () =>
      ownConnection({
        ...own,
        application_name: `${applicationName} relay`,
        options: `${plansForGood} ${serviceLimits} ${relaySettings}`,
      }),
    listen: listenWith({ ...own, application_name: `${applicationName} notifications` }),
    now: clock.now,
    component: {
      name: 'postgres',
      isOutage: isPostgresOutage,
      async start() {
        await ensureDatabase(server, database);
        await clock.compare();
        await prepare(options);
        clock.start();
      },
      stop: async () => {
        await clock.stop();
        await Promise.all([orm.close(), gauges.close()]);
      },
      async check() {
        await service.query('select 1');
      },
    },
  };
}

/** Runs the migrations and the seed. */
async function prepare(options: PostgresOptions): Promise<void> {
  const orm = connect(options, noLimits, { onPoolCreated: giveBackLostConnections });
  try {
    await databaseOf(orm).transaction(async (transaction) => {
      // The migrator has connections of its own; this transaction only blocks other processes.
      await transaction.query('set local idle_in_transaction_session_timeout = 0');
      await transaction.query('select pg_advisory_xact_lock($1)', [preparationLock]);
      await orm.migrator.up();
      await options.seed?.(transaction);
    });
  } finally {
    await orm.close();
  }
}

function connect(
  { url, database, applicationName, entities, migrations, logger }: PostgresOptions,
  limits: string,
  driverOptions: { readonly onPoolCreated?: (pool: Pool) => void } = {},
): MikroORM {
  const { url: clientUrl, ssl } = postgresServer(url);
  return new MikroORM({
    clientUrl,
    dbName: database,
    entities: [...entities],
    extensions: [Migrator],
    migrations: { migrationsList: [...migrations], snapshot: false },
    // Tables without entities: they have their own DDL and their own SQL.
    schemaGenerator: { skipTables: ['currency', 'idempotency', 'outbox', 'relay_lease'] },
    driverOptions: {
      ssl,
      connectionTimeoutMillis: connectTimeoutMs,
      idle_in_transaction_session_timeout: idleInTransactionMs,
      application_name: applicationName,
      options: `${plansForGood} ${limits}`,
      Client: PreparingClient,
      // Statements that do not wait for each other's results are sent at once.
      pipeline: true,
      ...driverOptions,
    },
    // These lines go into a JSON log.
    colors: false,
    logger: (message) => logger.debug(message),
  });
}

/** The database exists: found by the statement, or created by another process at the same time. */
const alreadyThere = new Set(['42P04', '23505']);

async function ensureDatabase({ url, ssl }: PostgresServer, database: string): Promise<void> {
  const admin = new MikroORM({
    clientUrl: url,
    dbName: 'postgres',
    discovery: { warnWhenNoEntities: false },
    driverOptions: { connectionTimeoutMillis: connectTimeoutMs, ssl },
  });
  try {
    const found = await admin.em.execute('select 1 from pg_database where datname = ?', [database]);
    if (found.length === 0) await admin.em.execute('create database ??', [database]);
  } catch (error) {
    if (!alreadyThere.has(sqlState(error))) throw error;
  } finally {
    await admin.close();
  }
}

/** The parts of the driver's pool and connections that are used here. */
interface Pool {
  on(event: 'connect' | 'acquire', listener: (connection: Connection) => void): void;
  on(event: 'release', listener: (error: unknown, connection: Connection) => void): void;
}
interface Connection {
  once(event: 'end', listener: () => void): void;
  release(destroy: boolean): void;
}

/**
 * Releases the lost connections of migrations. Kysely releases the connection of a transaction only when its commit or
 * rollback succeeds. When the server stops neither does, and the pool would wait for them for ever when it is closed.
 */
function giveBackLostConnections(pool: Pool): void {
  const inUse = new Set<Connection>();
  pool.on('acquire', (connection) => inUse.add(connection));
  pool.on('release', (_, connection) => inUse.delete(connection));
  pool.on('connect', (connection) => {
    connection.once('end', () => {
      // Kysely releases statements outside of transactions as soon as they have failed, before this runs.
      setImmediate(() => {
        if (inUse.has(connection)) connection.release(true);
      });
    });
  });
}
