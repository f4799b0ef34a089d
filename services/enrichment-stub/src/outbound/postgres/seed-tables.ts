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
  const seeds = rows.map(toColumns);
  const json = JSON.stringify(seeds, (_, value) => (typeof value === 'bigint' ? value.toString() : value));
  // Named, so that a later version can add columns with a default while this one runs.
  const columns = Object.keys(seeds[0] ?? {}).join(', ');
  await sql.query(
    `insert into ${table} (${columns})
     select ${columns} from json_populate_recordset(null::${table}, $1) on conflict do nothing`,
    [json],
  );
}

function toColumns(row: object): Record<string, unknown> {
  const columns = Object.entries(row).map(([property, value]) => [
    property.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    value,
  ]);
  return Object.fromEntries(columns);
}
