import { defineEntity, p } from '@mikro-orm/postgresql';

/** Ids sort the same everywhere: by their bytes, not by the rules of a language. */
const idCollation = 'C';

/** Table `stock`: how much there is of a product. */
export const StockRow = defineEntity({
  name: 'Stock',
  tableName: 'stock',
  properties: {
    productId: p.text().primary().collation(idCollation),
    onHand: p.bigint(),
    reserved: p.bigint(),
    committed: p.bigint(),
    updateTime: p.datetime(3),
  },
  checks: [
    { name: 'stock_not_negative', expression: 'reserved >= 0 and reserved <= on_hand and committed >= 0' },
  ],
});

/** Table `stock_adjustment`: who changed what is on the shelf, and why. Never changed, never deleted. */
export const StockAdjustmentRow = defineEntity({
  name: 'StockAdjustment',
  tableName: 'stock_adjustment',
  properties: {
    id: p.bigint().primary().generated('identity'),
    productId: p.text().collation(idCollation),
    delta: p.bigint(),
    onHand: p.bigint(),
    reason: p.text(),
    callerId: p.text(),
    createTime: p.datetime(3),
  },
  indexes: [{ name: 'stock_adjustment_product', properties: ['productId', 'id'] }],
});

/** Table `reservation`: what is, or was, held for an order. Never deleted. */
export const ReservationRow = defineEntity({
  name: 'Reservation',
  tableName: 'reservation',
  properties: {
    orderId: p.text().primary().collation(idCollation),
    state: p.text().$type<'RESERVED' | 'UNAVAILABLE' | 'RELEASED' | 'COMMITTED'>(),
    lines: p.json<StoredLine[]>(),
    /** What is to be paid, and by whom; null when the order was cancelled before it was heard of. */
    customerId: p.text().nullable(),
    /** In minor units. */
    total: p.bigint().nullable(),
    currency: p.text().nullable(),
    createTime: p.datetime(3),
    updateTime: p.datetime(3),
  },
});

/** A line as JSON can hold it. */
export interface StoredLine {
  readonly product_id: string;
  readonly quantity: string;
  /** Only where the stock was short. */
  readonly available?: string;
}
