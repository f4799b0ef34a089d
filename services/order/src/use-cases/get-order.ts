import type { OrderInFull } from '../domain/order.ts';
import { Refusal } from '../domain/refusal.ts';
import type { OrderReader } from '../ports.ts';

/**
 * One order with all that is in it.
 * @throws Refusal ORDER_NOT_FOUND
 */
export async function getOrder(reader: OrderReader, orderId: string): Promise<OrderInFull> {
  const order = await reader.find(orderId);
  if (order === undefined) throw orderNotFound(orderId);
  return order;
}

/** The refusal of what is asked about an order that is not there. */
export function orderNotFound(orderId: string): Refusal {
  return new Refusal('ORDER_NOT_FOUND', `there is no order ${orderId}`, { metadata: { order_id: orderId } });
}
