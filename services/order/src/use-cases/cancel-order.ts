import { orderNotFound, Refusal } from '../domain/refusal.ts';
import { sagaStates } from '../domain/saga.ts';
import type { TransitionResult } from '../domain/transition.ts';
import { advanceOrders, type Saga } from './advance-orders.ts';

/**
 * Cancels an order: at once while it is undecided, otherwise by asking inventory and payment to undo their parts. An
 * order that is being cancelled, or is cancelled, does not change.
 * @throws Refusal ORDER_NOT_FOUND; ORDER_NOT_CANCELLABLE once it is paid or rejected.
 */
export async function cancelOrder(
  saga: Saga,
  { orderId, reason, callerId }: { orderId: string; reason: string; callerId: string },
): Promise<TransitionResult> {
  const cause = `CancelOrder by ${callerId}`;
  const detail = reason === '' ? undefined : reason;
  const [result] = await advanceOrders(saga, [{ orderId, kind: 'Cancel', cause, detail }]);
  if (result === undefined) throw orderNotFound(orderId);
  if (result.kind === 'refused') {
    const { state } = sagaStates[result.before.sagaState];
    throw new Refusal(
      'ORDER_NOT_CANCELLABLE',
      `order ${orderId} is ${state} and cannot be cancelled any more`,
      { metadata: { order_id: orderId, state } },
    );
  }
  return result;
}
