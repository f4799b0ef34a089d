import pg from 'pg';
import { PreparingClient } from './preparing-client.ts';
import type { Sql } from './sql.ts';

/** One connection beside the pool: its statements neither wait for those of the service nor delay them. */
export interface OwnConnection extends Sql {
  close(): Promise<void>;
}

/** A statement whose response has not come by then counts as lost, with its connection. */
const LOST_AFTER_MS = 30_000;

/** Creates a connection that opens with its first statement, and again with the first one after it was lost. */
export function ownConnection(options: pg.PoolConfig): OwnConnection {
  const pool = new pg.Pool({ query_timeout: LOST_AFTER_MS, ...options, max: 1, Client: PreparingClient });
  // A server that stops ends idle connections; the next statement then reports it.
  pool.on('error', () => {});
  return {
    async query<Row>(text: string, values: readonly unknown[] = []) {
      return (await pool.query(text, [...values])).rows as Row[];
    },
    close: () => pool.end(),
  };
}
