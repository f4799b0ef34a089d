import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { nativeQuery } from '@orderflow/storage';
import { seedCustomers, seedProducts } from '../../domain/seed.ts';

/**
 * Inserts missing seeds; those that have been changed since are not touched. Seeds are not published as
 * CustomerUpdated: no cache entry can be older than they are.
 */
export async function seedTables(em: SqlEntityManager, now: Date): Promise<void> {
  await insertMissing(em, 'customer', seedCustomers(now));
  await insertMissing(em, 'product', seedProducts(now));
}

/** One statement with one parameter: thousands of rows take tens of milliseconds instead of seconds. */
async function insertMissing(
  em: SqlEntityManager,
  table: 'customer' | 'product',
  rows: readonly object[],
): Promise<void> {
  const json = JSON.stringify(rows.map(toColumns), (_, value) =>
    typeof value === 'bigint' ? value.toString() : value,
  );
  await nativeQuery(
    em,
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
