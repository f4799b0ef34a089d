import { type Stock, withOnHand } from '../domain/stock.ts';
import type { StockTransaction } from '../ports.ts';

/** What somebody wants to be on the shelf. */
export interface StockChange {
  readonly productId: string;
  /** So many, or so many more than there are now. */
  readonly onHand: { readonly set: bigint } | { readonly add: bigint };
  readonly reason: string;
  readonly callerId: string;
}

/**
 * Changes what is on the shelf, and writes down who did it and why.
 * @throws Refusal STOCK_BELOW_RESERVED
 */
export async function changeStock(
  { transaction, now }: { readonly transaction: StockTransaction; readonly now: () => Date },
  { productId, onHand: wanted, reason, callerId }: StockChange,
): Promise<Stock> {
  const before = await transaction.lock(productId);
  const createTime = now();
  const onHand = 'set' in wanted ? wanted.set : before.onHand + wanted.add;
  const stock = withOnHand(before, onHand, createTime);
  await transaction.write(stock, {
    productId,
    delta: onHand - before.onHand,
    onHand,
    reason,
    callerId,
    createTime,
  });
  return stock;
}
