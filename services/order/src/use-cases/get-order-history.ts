import type { OrderTransition } from '../domain/order.ts';
import { orderNotFound } from '../domain/refusal.ts';
import type { OrderReader } from '../ports.ts';

/**
 * Returns every transition of an order, oldest first. `ownedBy`: those of other customers do not exist.
 * @throws Refusal ORDER_NOT_FOUND
 */
export async function getOrderHistory(
  reader: OrderReader,
  orderId: string,
  ownedBy?: string | undefined,
): Promise<OrderTransition[]> {
  const transitions = await reader.history(orderId, ownedBy);
  if (transitions.length === 0) throw orderNotFound(orderId);
  return transitions;
}
