import type { OrderTransition } from '../domain/order.ts';
import { orderNotFound } from '../domain/refusal.ts';
import type { OrderReader } from '../ports.ts';

/**
 * Returns every transition of an order, oldest first.
 * @throws Refusal ORDER_NOT_FOUND
 */
export async function getOrderHistory(reader: OrderReader, orderId: string): Promise<OrderTransition[]> {
  const transitions = await reader.history(orderId);
  if (transitions.length === 0) throw orderNotFound(orderId);
  return transitions;
}
