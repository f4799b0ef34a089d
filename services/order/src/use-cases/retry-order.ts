import { orderNotFound, Refusal } from '../domain/refusal.ts';
import { applyInput, isTransition, type TransitionResult } from '../domain/transition.ts';
import type { Saga } from './advance-orders.ts';

/**
 * Retries an order that needs attention: clears the attention and starts a new deadline. The submission of an undecided
 * order is resent to the worker; of any other order the last event is republished.
 * @throws Refusal ORDER_NOT_FOUND; ORDER_NEEDS_NO_ATTENTION.
 */
export async function retryOrder(
  { transaction, limits }: Saga,
  { orderId, callerId }: { orderId: string; callerId: string },
): Promise<TransitionResult> {
  const order = (await transaction.lock([orderId])).get(orderId);
  if (order === undefined) throw orderNotFound(orderId);
  if (order.needsAttention === undefined) {
    throw new Refusal('ORDER_NEEDS_NO_ATTENTION', `order ${orderId} does not need attention`, {
      metadata: { order_id: orderId },
    });
  }
  const cause = `RetryOrder by ${callerId}`;
  const result = applyInput(order, { orderId, kind: 'Retry', cause }, limits);
  if (isTransition(result)) await transaction.write([result]);
  return result;
}
