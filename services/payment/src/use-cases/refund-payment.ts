import type { WholePayment } from '../ports.ts';
import { type ByHand, changeByHand } from './change-by-hand.ts';

/**
 * Has the whole charge of a completed order given back; answers the payment. One that is being given back already is
 * left as it is.
 * @throws Refusal PAYMENT_NOT_FOUND, PAYMENT_NOT_REFUNDABLE
 */
export function refundPayment(
  byHand: ByHand,
  orderId: string,
  asked: { readonly reason: string; readonly callerId: string },
): Promise<WholePayment> {
  const input = { kind: 'refund_requested', ...asked } as const;
  return changeByHand(byHand, orderId, input, 'PAYMENT_NOT_REFUNDABLE', ({ state, completed }) => ({
    state,
    order_completed: String(completed),
  }));
}
