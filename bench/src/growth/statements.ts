import type { Stack } from '@orderflow/devstack';
import pg from 'pg';

/** What one statement did in one load. */
export interface StatementUse {
  readonly database: string;
  /** Identifies the statement in its database. */
  readonly id: string;
  /** Constants may be replaced by parameters; that differs from load to load. */
  readonly text: string;
  readonly calls: number;
  readonly rows: number;
  /** Pages that it read from the shared buffers, whether they were there or came from the disk. */
  readonly buffers: number;
}

/** Counts the statements of all connections, by pg_stat_statements. */
export interface StatementCounts {
  /** Runs an action; returns every statement that ended meanwhile in one of the services' databases. */
  during(action: () => Promise<void>): Promise<StatementUse[]>;
  close(): Promise<void>;
}

/** Makes Postgres load the library that counts; restarts it, so that no service may be running. */
export async function loadStatementCounts({ urls, parts }: Stack): Promise<void> {
  const load = "alter system set shared_preload_libraries = 'pg_stat_statements'";
  for (const statement of [load, 'create extension if not exists pg_stat_statements']) {
    const client = new pg.Client({ connectionString: `${urls.POSTGRES_URL}/postgres` });
    await client.connect();
    await client.query(statement);
    await client.end();
    if (statement === load) await parts.postgres.restart();
  }
}

/** Has the connection of a pool that keeps a single one not be counted. */
export async function leaveUncounted(pool: pg.Pool): Promise<void> {
  await pool.query('set pg_stat_statements.track = none');
}

export function countStatements({ urls }: Stack, databases: readonly string[]): StatementCounts {
  const pool = new pg.Pool({ connectionString: `${urls.POSTGRES_URL}/postgres`, max: 1 });
  // Postgres stops before the pool is closed when the benchmark fails.
  pool.on('error', () => {});
  return {
    async during(action) {
      await pool.query('select pg_stat_statements_reset()');
      await action();
      const { rows } = await pool.query<StatementUse>(
        `select datname as database, queryid::text as id, min(query) as text, sum(calls)::float8 as calls, sum(rows)::float8 as rows,
           sum(shared_blks_hit + shared_blks_read)::float8 as buffers
         from pg_stat_statements join pg_database on pg_database.oid = dbid
         where datname = any($1::text[]) group by datname, queryid`,
        [databases],
      );
      return rows;
    },
    close: () => pool.end(),
  };
}
