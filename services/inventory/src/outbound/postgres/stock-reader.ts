import type { MikroORM } from '@mikro-orm/postgresql';
import type { StockReader } from '../../ports.ts';
import { tablesOf } from './tables.ts';

/** Reads stock from table `stock`, and manual changes from table `stock_adjustment`. */
export function postgresStock(orm: MikroORM): StockReader {
  const tables = () => tablesOf(orm.em.fork());
  return {
    find: (productIds) =>
      tables()
        .selectFrom('stock')
        .selectAll()
        .where('productId', '=', ({ fn, val }) => fn.any(val([...productIds])))
        .execute(),

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
