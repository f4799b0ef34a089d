import pg from 'pg';

/** Runs SQL with `$1` parameters for a gauge. */
export type ReadGauge = <Row extends object>(sql: string, parameters?: readonly unknown[]) => Promise<Row[]>;

/** The longest statement of a gauge. */
const statementMs = 5_000;

/**
 * Creates one connection for counting rows when metrics are read, opened with the first statement: a scrape neither
 * waits for the statements of the service nor takes a connection from them.
 */
export function gaugeConnection(options: pg.PoolConfig): { read: ReadGauge; close(): Promise<void> } {
  const pool = new pg.Pool({ ...options, max: 1, statement_timeout: statementMs });
  // A server that stops ends idle connections; the next statement then reports it.
  pool.on('error', () => {});
  return {
    async read<Row extends object>(sql: string, parameters: readonly unknown[] = []) {
      return (await pool.query<Row>(sql, [...parameters])).rows;
    },
    close: () => pool.end(),
  };
}
