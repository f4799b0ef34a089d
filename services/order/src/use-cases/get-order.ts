import type { FullOrder } from '../domain/order.ts';
import { orderNotFound } from '../domain/refusal.ts';
import type { OrderReader } from '../ports.ts';

/**
 * Returns one order with its decision or its submission. `ownedBy`: those of other customers do not exist.
 * @throws Refusal ORDER_NOT_FOUND
 */
export async function getOrder(
  reader: Pick<OrderReader, 'find'>,
  orderId: string,
  ownedBy?: string | undefined,
): Promise<FullOrder> {
  const order = await reader.find(orderId, ownedBy);
  if (order === undefined) throw orderNotFound(orderId);
  return order;
}
