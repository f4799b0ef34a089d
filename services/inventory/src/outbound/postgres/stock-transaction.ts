import type { InTransaction } from '@orderflow/runtime';
import { type Database, idempotentTransactions, type Transaction } from '@orderflow/storage';
import type { StockTransaction } from '../../ports.ts';
import { type SelectedStock, stockColumns, toStock } from './stored-stock.ts';

/** Runs a manual change of stock, with its audit and the stored response, in one Postgres transaction. */
export function postgresStockTransactions(
  database: Database,
  now: () => Date,
): InTransaction<StockTransaction> {
  return idempotentTransactions(database, now, (transaction) => stockTransaction(transaction, now));
}

function stockTransaction(transaction: Transaction, now: () => Date): StockTransaction {
  return {
    async lock(productId) {
      // A product that was never stocked gets a row that can be locked; a refusal rolls it back.
      transaction.write(
        `insert into stock (product_id, on_hand, reserved, committed, update_time) values ($1, 0, 0, 0, $2)
         on conflict do nothing`,
        [productId, now()],
      );
      const [row] = await transaction.query<SelectedStock>(
        `select ${stockColumns} from stock where product_id = $1 for update`,
        [productId],
      );
      if (row === undefined) throw new Error(`the stock of ${productId} was deleted`);
      return toStock(row);
    },

    write({ productId, onHand, updateTime }, { delta, reason, callerId, createTime }) {
      transaction.write(
        'update stock set on_hand = $2, update_time = coalesce($3, update_time) where product_id = $1',
        [productId, onHand, updateTime],
      );
      transaction.write(
        `insert into stock_adjustment (product_id, delta, on_hand, reason, caller_id, create_time)
         values ($1, $2, $3, $4, $5, $6)`,
        [productId, delta, onHand, reason, callerId, createTime],
      );
    },
  };
}
