import type { Database, Sql, Transaction } from '@orderflow/storage';
import type { AcceptedOrder, InOrderCounting, OrderCounting, OrderCountReader } from '../../ports.ts';
import { storable } from './storable.ts';

/** Counts orders in one Postgres transaction. */
export function postgresOrderCounting(database: Database): InOrderCounting {
  return (work) => database.transaction((transaction) => work(orderCounting(transaction)));
}

/** The counting of orders, as part of a transaction. */
export function orderCounting(transaction: Transaction): OrderCounting {
  return { count: (orders) => countOrders(transaction, orders) };
}

/**
 * One statement. An order that another transaction is counting is waited for. All orders are inserted before the first
 * count is touched, both in the order of their ids, so that two transactions cannot deadlock.
 */
function countOrders(transaction: Transaction, orders: readonly AcceptedOrder[]): void {
  if (orders.length === 0) return;
  transaction.write(
    `with new as (
       insert into counted_order (order_id, customer_id)
       select order_id, customer_id from unnest($1::text[], $2::text[]) as given (order_id, customer_id)
       order by order_id collate "C"
       on conflict do nothing
       returning customer_id)
     insert into order_count (customer_id, orders)
     select customer_id, count(*) from new group by customer_id order by customer_id collate "C"
     on conflict (customer_id) do update set orders = order_count.orders + excluded.orders`,
    [orders.map(({ orderId }) => orderId), orders.map(({ customerId }) => customerId)],
  );
}

/** Reads table `order_count`. */
export function postgresOrderCounts(sql: Sql): OrderCountReader {
  return {
    async find(customerIds) {
      const rows = await sql.query<{ customer_id: string; orders: string }>(
        'select customer_id, orders from order_count where customer_id = any($1::text[])',
        [storable(customerIds)],
      );
      return new Map(rows.map(({ customer_id: customerId, orders }) => [customerId, BigInt(orders)]));
    },
  };
}
