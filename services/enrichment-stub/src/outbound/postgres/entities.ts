import { defineEntity, p } from '@mikro-orm/postgresql';

/** Ids sort by their bytes on every server, not by the rules of a language. */
const idCollation = 'C';

/** Table `customer`. */
export const CustomerRow = defineEntity({
  name: 'Customer',
  tableName: 'customer',
  properties: {
    customerId: p.text().primary().collation(idCollation),
    name: p.text(),
    email: p.text(),
    /** Null where a process wrote the row that did not know it. */
    address: p.text().nullable(),
    active: p.boolean(),
    version: p.bigint(),
    createTime: p.datetime(3),
    updateTime: p.datetime(3),
  },
});

/** Table `product`. */
export const ProductRow = defineEntity({
  name: 'Product',
  tableName: 'product',
  properties: {
    productId: p.text().primary().collation(idCollation),
    sku: p.text().unique(),
    name: p.text(),
    description: p.text(),
    price: p.bigint(),
    currencyCode: p.text(),
    state: p.text().$type<'ACTIVE' | 'RETIRED'>(),
    version: p.bigint(),
    updateTime: p.datetime(3),
  },
});

/** Table `counted_order`: every order that is in `order_count`. */
export const CountedOrderRow = defineEntity({
  name: 'CountedOrder',
  tableName: 'counted_order',
  properties: {
    orderId: p.text().primary().collation(idCollation),
    customerId: p.text().collation(idCollation),
  },
});

/** Table `order_count`: customers that have counted orders, and how many; they need not be in `customer`. */
export const OrderCountRow = defineEntity({
  name: 'OrderCount',
  tableName: 'order_count',
  properties: {
    customerId: p.text().primary().collation(idCollation),
    orders: p.bigint(),
  },
});

/** Table `order_backfill`: how far orders are counted that a source had before this service counted. */
export const OrderBackfillRow = defineEntity({
  name: 'OrderBackfill',
  tableName: 'order_backfill',
  properties: {
    source: p.text().primary(),
    pageToken: p.text(),
    done: p.boolean(),
  },
});

/** All of them. */
export const entities = [CustomerRow, ProductRow, CountedOrderRow, OrderCountRow, OrderBackfillRow];
