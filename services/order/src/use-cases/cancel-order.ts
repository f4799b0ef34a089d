import type { Reaction } from '../domain/order-step.ts';
import { orderNotFound, Refusal } from '../domain/refusal.ts';
import { places } from '../domain/saga.ts';
import { advanceOrders, type Saga } from './advance-orders.ts';

/**
 * Has an order cancelled: at once while it is undecided, else by asking stock and payment to undo their parts. An
 * order that is being cancelled, or is, stays as it is.
 * @throws Refusal ORDER_NOT_FOUND; ORDER_NOT_CANCELLABLE once it is paid or rejected.
 */
export async function cancelOrder(
  saga: Saga,
  { orderId, reason, callerId }: { orderId: string; reason: string; callerId: string },
): Promise<Reaction> {
  const cause = `CancelOrder by ${callerId}`;
  const detail = reason === '' ? undefined : reason;
  const [reaction] = await advanceOrders(saga, [{ orderId, happening: 'Cancel', cause, detail }]);
  if (reaction === undefined) throw orderNotFound(orderId);
  if (reaction.kind === 'refused') {
    const { state } = places[reaction.before.place];
    throw new Refusal(
      'ORDER_NOT_CANCELLABLE',
      `order ${orderId} is ${state} and cannot be cancelled any more`,
      { metadata: { order_id: orderId, state } },
    );
  }
  return reaction;
}
