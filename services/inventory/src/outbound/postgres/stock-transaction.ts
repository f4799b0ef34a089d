import type { MikroORM, SqlEntityManager } from '@mikro-orm/postgresql';
import type { InTransaction } from '@orderflow/runtime';
import { nativeQuery, runIdempotent } from '@orderflow/storage';
import type { StockAdjustment } from '../../domain/stock.ts';
import type { StockTransaction } from '../../ports.ts';
import { tablesOf } from './tables.ts';

/** Runs a manual change of stock, with its audit and the stored response, in one Postgres transaction. */
export function postgresStockTransactions(orm: MikroORM, now: () => Date): InTransaction<StockTransaction> {
  return (work) =>
    orm.em
      .fork()
      .transactional((em) =>
        work(stockTransaction(em, now), (request, respond) => runIdempotent(em, request, now(), respond)),
      );
}

function stockTransaction(em: SqlEntityManager, now: () => Date): StockTransaction {
  const tables = tablesOf(em);
  return {
    async lock(productId) {
      // A product that was never stocked gets a row that can be locked; a refusal rolls it back.
      await tables
        .insertInto('stock')
        .values({ productId, onHand: 0n, reserved: 0n, committed: 0n, updateTime: now() })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      return tables
        .selectFrom('stock')
        .selectAll()
        .where('productId', '=', productId)
        .forUpdate()
        .executeTakeFirstOrThrow();
    },

    async write({ productId, onHand, updateTime }, adjustment) {
      await tables
        .updateTable('stock')
        .set({ onHand, ...(updateTime && { updateTime }) })
        .where('productId', '=', productId)
        .execute();
      await insertAdjustment(em, adjustment);
    },
  };
}

async function insertAdjustment(em: SqlEntityManager, adjustment: StockAdjustment): Promise<void> {
  const { productId, delta, onHand, reason, callerId, createTime } = adjustment;
  await nativeQuery(
    em,
    `insert into stock_adjustment (product_id, delta, on_hand, reason, caller_id, create_time)
     values ($1, $2, $3, $4, $5, $6)`,
    [productId, delta, onHand, reason, callerId, createTime],
  );
}
