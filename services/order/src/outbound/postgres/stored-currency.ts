import type { Sql } from '@orderflow/storage';
import { decodeEnrichedOrder } from './enriched-order-codec.ts';

/**
 * Stores the currency of a database at its first start: stored amounts have no currency. In a database from before this
 * table the currency is that of its orders.
 * @throws when the amounts are in another currency.
 */
export async function ensureCurrency(sql: Sql, wanted: string): Promise<void> {
  const [stored] = await sql.query<{ code: string }>('select code from currency');
  const found = stored?.code ?? (await currencyOfOrders(sql)) ?? wanted;
  if (found !== wanted) {
    throw new Error(
      `CURRENCY is ${wanted}, but the amounts in this database are in ${found}: set CURRENCY=${found}, or use another database (DATABASE_PREFIX)`,
    );
  }
  if (stored === undefined) await sql.query('insert into currency (code) values ($1)', [found]);
}

async function currencyOfOrders(sql: Sql): Promise<string | undefined> {
  const [row] = await sql.query<{ enriched_order: Buffer }>(
    'select enriched_order from order_history where enriched_order is not null limit 1',
  );
  return row && decodeEnrichedOrder(row.enriched_order).currency;
}
