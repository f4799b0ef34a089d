import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { nativeQuery } from '@orderflow/storage';
import { decodeEnrichedOrder } from './enriched-order-codec.ts';

/**
 * Stores the currency of a database at its first start: stored amounts have no currency. In a database from before this
 * table the currency is that of its orders.
 * @throws when the amounts are in another currency.
 */
export async function ensureCurrency(em: SqlEntityManager, wanted: string): Promise<void> {
  const [stored] = await nativeQuery<{ code: string }>(em, 'select code from currency');
  const found = stored?.code ?? (await currencyOfOrders(em)) ?? wanted;
  if (found !== wanted) {
    throw new Error(
      `CURRENCY is ${wanted}, but the amounts in this database are in ${found}: set CURRENCY=${found}, or use another database (DATABASE_PREFIX)`,
    );
  }
  if (stored === undefined) await nativeQuery(em, 'insert into currency (code) values ($1)', [found]);
}

async function currencyOfOrders(em: SqlEntityManager): Promise<string | undefined> {
  const [row] = await nativeQuery<{ enriched_order: Buffer }>(
    em,
    'select enriched_order from order_history where enriched_order is not null limit 1',
  );
  return row && decodeEnrichedOrder(row.enriched_order).currency;
}
