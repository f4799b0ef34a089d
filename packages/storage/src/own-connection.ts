import pg from 'pg';
import { PreparingClient } from './preparing-client.ts';
import type { Sql } from './sql.ts';

/** One connection beside the pool: its statements neither wait for those of the service nor delay them. */
export interface OwnConnection extends Sql {
  close(): Promise<void>;
}

/** Creates a connection that opens with its first statement, and again with the first one after it was lost. */
export function ownConnection(options: pg.PoolConfig): OwnConnection {
  const pool = new pg.Pool({ ...options, max: 1, Client: PreparingClient });
  // A server that stops ends idle connections; the next statement then reports it.
  pool.on('error', () => {});
  return {
    async query<Row>(text: string, values: readonly unknown[] = []) {
      return (await pool.query(text, [...values])).rows as Row[];
    },
    close: () => pool.end(),
  };
}
