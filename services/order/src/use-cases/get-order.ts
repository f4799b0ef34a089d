import type { OrderInFull } from '../domain/order.ts';
import { orderNotFound } from '../domain/refusal.ts';
import type { OrderReader } from '../ports.ts';

/**
 * One order with all that is in it.
 * @throws Refusal ORDER_NOT_FOUND
 */
export async function getOrder(reader: Pick<OrderReader, 'find'>, orderId: string): Promise<OrderInFull> {
  const order = await reader.find(orderId);
  if (order === undefined) throw orderNotFound(orderId);
  return order;
}
