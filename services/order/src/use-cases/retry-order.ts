import { isStep, type Reaction, react } from '../domain/order-step.ts';
import { orderNotFound, Refusal } from '../domain/refusal.ts';
import type { Saga } from './advance-orders.ts';

/**
 * Has an order that needs attention tried again: the attention is cleared and a new deadline begins. One that is
 * undecided is sent to the worker once more, of any other the last event is told once more.
 * @throws Refusal ORDER_NOT_FOUND; ORDER_NEEDS_NO_ATTENTION.
 */
export async function retryOrder(
  { transaction, limits }: Saga,
  { orderId, callerId }: { orderId: string; callerId: string },
): Promise<Reaction> {
  const order = (await transaction.lock([orderId])).get(orderId);
  if (order === undefined) throw orderNotFound(orderId);
  if (order.needsAttention === undefined) {
    throw new Refusal('ORDER_NEEDS_NO_ATTENTION', `nothing is wrong with order ${orderId}`, {
      metadata: { order_id: orderId },
    });
  }
  const cause = `RetryOrder by ${callerId}`;
  const reaction = react(order, { orderId, happening: 'Retry', cause }, limits);
  if (isStep(reaction)) await transaction.write([reaction]);
  return reaction;
}
