import type { Sql } from '@orderflow/storage';
import { seedCustomers, seedProducts } from '../../domain/seed.ts';

/**
 * Inserts missing seeds; those that have been changed since are not touched. Seeds are not published as
 * CustomerUpdated: no cache entry can be older than they are.
 */
export async function seedTables(sql: Sql, now: Date): Promise<void> {
  await insertMissing(sql, 'customer', seedCustomers(now));
  await insertMissing(sql, 'product', seedProducts(now));
}

/** One statement with one parameter: thousands of rows take tens of milliseconds instead of seconds. */
async function insertMissing(
  sql: Sql,
  table: 'customer' | 'product',
  rows: readonly object[],
): Promise<void> {
  const json = JSON.stringify(rows.map(toColumns), (_, value) =>
    typeof value === 'bigint' ? value.toString() : value,
  );
  await sql.query(
    `insert into ${table} select * from json_populate_recordset(null::${table}, $1) on conflict do nothing`,
    [json],
  );
}

function toColumns(row: object): object {
  const columns = Object.entries(row).map(([property, value]) => [
    property.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    value,
  ]);
  return Object.fromEntries(columns);
}
