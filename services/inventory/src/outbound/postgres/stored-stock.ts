import { millis } from '@orderflow/storage';
import type { Stock } from '../../domain/stock.ts';

/** The columns of table `stock` that {@link toStock} needs. */
export const stockColumns = `product_id as "productId", on_hand as "onHand", reserved, committed,
  ${millis('update_time')} as "updateMs"`;

/** A row of these columns. */
export interface SelectedStock {
  readonly productId: string;
  readonly onHand: string;
  readonly reserved: string;
  readonly committed: string;
  readonly updateMs: number;
}

export function toStock({ productId, onHand, reserved, committed, updateMs }: SelectedStock): Stock {
  return {
    productId,
    onHand: BigInt(onHand),
    reserved: BigInt(reserved),
    committed: BigInt(committed),
    updateTime: new Date(updateMs),
  };
}
