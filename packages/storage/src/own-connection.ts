import pg from 'pg';
import { PreparingClient } from './preparing-client.ts';

/** Runs one statement with `$1` parameters, in a transaction of its own. */
export type RunSql = <Row extends object>(sql: string, parameters?: readonly unknown[]) => Promise<Row[]>;

/** One connection beside the pool: its statements neither wait for those of the service nor delay them. */
export interface OwnConnection {
  readonly run: RunSql;
  close(): Promise<void>;
}

/** Creates a connection that opens with its first statement, and again with the first one after it was lost. */
export function ownConnection(options: pg.PoolConfig): OwnConnection {
  const pool = new pg.Pool({ ...options, max: 1, Client: PreparingClient });
  // A server that stops ends idle connections; the next statement then reports it.
  pool.on('error', () => {});
  return {
    async run<Row extends object>(sql: string, parameters: readonly unknown[] = []) {
      return (await pool.query<Row>(sql, [...parameters])).rows;
    },
    close: () => pool.end(),
  };
}
