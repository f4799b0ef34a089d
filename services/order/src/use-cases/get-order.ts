import type { FullOrder } from '../domain/order.ts';
import { orderNotFound } from '../domain/refusal.ts';
import type { OrderReader } from '../ports.ts';

/**
 * Returns one order with its decision or its submission.
 * @throws Refusal ORDER_NOT_FOUND
 */
export async function getOrder(reader: Pick<OrderReader, 'find'>, orderId: string): Promise<FullOrder> {
  const order = await reader.find(orderId);
  if (order === undefined) throw orderNotFound(orderId);
  return order;
}
