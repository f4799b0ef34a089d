import { Refusal } from './refusal.ts';

/** How much there is of a product, in pieces. 0 <= reserved <= onHand, always. */
export interface Stock {
  readonly productId: string;
  /** On the shelf, reserved ones included. */
  readonly onHand: bigint;
  /** Held for orders. */
  readonly reserved: bigint;
  /** Left for orders since the beginning. */
  readonly committed: bigint;
  /** When it last changed; undefined for a product that was never stocked. */
  readonly updateTime: Date | undefined;
}

/** A change of what is on the shelf that somebody made by hand; the seed is the first. */
export interface StockAdjustment {
  readonly productId: string;
  /** How many more, or less. */
  readonly delta: bigint;
  /** On the shelf after it. */
  readonly onHand: bigint;
  readonly reason: string;
  /** Who. */
  readonly callerId: string;
  readonly createTime: Date;
}

/** A product that was never stocked. */
export function noStock(productId: string): Stock {
  return { productId, onHand: 0n, reserved: 0n, committed: 0n, updateTime: undefined };
}

/** How many can still be ordered. */
export function available({ onHand, reserved }: Stock): bigint {
  return onHand - reserved;
}

/**
 * The stock with this many on the shelf.
 * @throws Refusal STOCK_BELOW_RESERVED
 */
export function withOnHand(stock: Stock, onHand: bigint, time: Date): Stock {
  const { productId, reserved } = stock;
  if (onHand < reserved) {
    throw new Refusal(
      'STOCK_BELOW_RESERVED',
      `there would be ${onHand} of ${productId} on the shelf, and ${reserved} are reserved for orders`,
      { product_id: productId, on_hand: String(onHand), reserved: String(reserved) },
    );
  }
  return { ...stock, onHand, updateTime: time };
}
