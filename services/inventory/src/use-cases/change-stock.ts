import { type Stock, withOnHand } from '../domain/stock.ts';
import type { StockTransaction } from '../ports.ts';

/** A requested change of the quantity on hand. */
export interface StockChange {
  readonly productId: string;
  /** An absolute quantity, a difference, or the quantity that can still be ordered after it. */
  readonly onHand: { readonly set: bigint } | { readonly add: bigint } | { readonly available: bigint };
  readonly reason: string;
  readonly callerId: string;
}

/**
 * Changes the quantity on hand, and records the caller and the reason.
 * @throws Refusal STOCK_BELOW_RESERVED
 */
export async function changeStock(
  { transaction, now }: { readonly transaction: StockTransaction; readonly now: () => Date },
  { productId, onHand: wanted, reason, callerId }: StockChange,
): Promise<Stock> {
  const before = await transaction.lock(productId);
  const createTime = now();
  const onHand = newOnHand(before, wanted);
  const stock = withOnHand(before, onHand, createTime);
  transaction.write(stock, {
    productId,
    delta: onHand - before.onHand,
    onHand,
    reason,
    callerId,
    createTime,
  });
  return stock;
}

function newOnHand({ onHand, reserved }: Stock, wanted: StockChange['onHand']): bigint {
  if ('set' in wanted) return wanted.set;
  return 'add' in wanted ? onHand + wanted.add : reserved + wanted.available;
}
