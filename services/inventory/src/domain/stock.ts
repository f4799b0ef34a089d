import { Refusal } from './refusal.ts';

/** The stock of a product, in pieces. 0 <= reserved <= onHand, always. */
export interface Stock {
  readonly productId: string;
  /** On hand, including reserved pieces. */
  readonly onHand: bigint;
  /** Reserved for orders. */
  readonly reserved: bigint;
  /** Left the warehouse for orders since the beginning. */
  readonly committed: bigint;
  /** When it last changed; undefined for a product that was never stocked. */
  readonly updateTime: Date | undefined;
}

/** A manual change of the quantity on hand; the seed is the first. */
export interface StockAdjustment {
  readonly productId: string;
  /** The change of the quantity, positive or negative. */
  readonly delta: bigint;
  /** The quantity on hand after it. */
  readonly onHand: bigint;
  readonly reason: string;
  /** The caller that made it. */
  readonly callerId: string;
  readonly createTime: Date;
}

/** A product that was never stocked. */
export function noStock(productId: string): Stock {
  return { productId, onHand: 0n, reserved: 0n, committed: 0n, updateTime: undefined };
}

/** The quantity that can still be ordered. */
export function available({ onHand, reserved }: Stock): bigint {
  return onHand - reserved;
}

/**
 * The stock with a new quantity on hand.
 * @throws Refusal STOCK_BELOW_RESERVED
 */
export function withOnHand(stock: Stock, onHand: bigint, time: Date): Stock {
  const { productId, reserved } = stock;
  if (onHand < reserved) {
    throw new Refusal(
      'STOCK_BELOW_RESERVED',
      `${onHand} of ${productId} on hand would be less than the ${reserved} that are reserved for orders`,
      { product_id: productId, on_hand: String(onHand), reserved: String(reserved) },
    );
  }
  return { ...stock, onHand, updateTime: time };
}
