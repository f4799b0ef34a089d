import type { MikroORM } from '@mikro-orm/postgresql';
import type { Sql } from '@orderflow/storage';
import type { StockReader } from '../../ports.ts';
import { type SelectedStock, stockColumns, toStock } from './stored-stock.ts';
import { tablesOf } from './tables.ts';

/** Reads stock from table `stock`, and manual changes from table `stock_adjustment`. */
export function postgresStock(orm: MikroORM, database: Sql): StockReader {
  const tables = () => tablesOf(orm.em.fork());
  return {
    // Each order asks for it, hence not by a query that is built for each call.
    async find(productIds) {
      const rows = await database.query<SelectedStock>(
        `select ${stockColumns} from stock where product_id = any($1::text[])`,
        [productIds],
      );
      return rows.map(toStock);
    },

    page: ({ availableAtMost, afterId, limit }) =>
      tables()
        .selectFrom('stock')
        .selectAll()
        .where('productId', '>', afterId ?? '')
        .$if(availableAtMost !== undefined, (query) =>
          query.where(({ eb }) => eb(eb('onHand', '-', eb.ref('reserved')), '<=', availableAtMost ?? 0n)),
        )
        .orderBy('productId')
        .limit(limit)
        .execute(),

    adjustments: ({ productId, beforeId, limit }) =>
      tables()
        .selectFrom('stock_adjustment')
        .selectAll()
        .where('productId', '=', productId)
        .$if(beforeId !== undefined, (query) => query.where('id', '<', beforeId ?? 0n))
        .orderBy('id', 'desc')
        .limit(limit)
        .execute(),
  };
}
