import { defineEntity, p } from '@mikro-orm/postgresql';
import { appendOnlyTrigger } from '@orderflow/storage';

/** Ids sort by their bytes on every server, not by the rules of a language. */
const idCollation = 'C';

/** Table `stock`: the stock of a product. */
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

/** Table `stock_adjustment`: manual changes of the quantity on hand, with caller and reason. Append-only. */
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
  triggers: [appendOnlyTrigger('stock_adjustment')],
  indexes: [{ name: 'stock_adjustment_product', properties: ['productId', 'id'] }],
});

/** Table `reservation`: the reservation of an order. Never deleted. */
export const ReservationRow = defineEntity({
  name: 'Reservation',
  tableName: 'reservation',
  properties: {
    orderId: p.text().primary().collation(idCollation),
    state: p.text().$type<'RESERVED' | 'UNAVAILABLE' | 'RELEASED' | 'COMMITTED'>(),
    lines: p.json<StoredLine[]>(),
    /** What is to be paid, and by whom; null when the order was cancelled before OrderAccepted arrived. */
    customerId: p.text().nullable(),
    /** In minor units. */
    total: p.bigint().nullable(),
    currency: p.text().nullable(),
    createTime: p.datetime(3),
    updateTime: p.datetime(3),
  },
});

/** A line as JSON. */
export interface StoredLine {
  readonly product_id: string;
  readonly quantity: string;
  /** Only where the stock was short. */
  readonly available?: string;
}
