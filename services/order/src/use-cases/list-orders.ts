import type { StoredOrder } from '../domain/order.ts';
import type { OrderConditions, OrderKey, OrderReader } from '../ports.ts';

/** Some orders, newest first. */
export interface OrderPage {
  readonly orders: readonly StoredOrder[];
  /** What the next page begins after; undefined on the last one. */
  readonly last: OrderKey | undefined;
}

/** One page of the orders that meet the conditions. */
export async function listOrders(
  reader: OrderReader,
  conditions: OrderConditions,
  { after, size }: { readonly after: OrderKey | undefined; readonly size: number },
): Promise<OrderPage> {
  // One more than wanted tells whether the list goes on.
  const found = await reader.page(conditions, after, size + 1);
  const orders = found.slice(0, size);
  return { orders, last: found.length > size ? orders.at(-1) : undefined };
}
