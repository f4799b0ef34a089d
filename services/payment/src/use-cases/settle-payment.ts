import type { WholePayment } from '../ports.ts';
import { type ByHand, changeByHand } from './change-by-hand.ts';

/**
 * Ends a payment whose charge the gateway refuses to undo: somebody vouches that nothing of it is kept. Answers the
 * payment. One that was settled by hand already is left as it is.
 * @throws Refusal PAYMENT_NOT_FOUND, PAYMENT_NOT_REFUSED
 */
export function settlePayment(
  byHand: ByHand,
  orderId: string,
  asked: { readonly reason: string; readonly callerId: string },
): Promise<WholePayment> {
  const input = { kind: 'settled_by_hand', ...asked } as const;
  return changeByHand(byHand, orderId, input, 'PAYMENT_NOT_REFUSED', ({ state, problem }) => ({
    state,
    problem,
  }));
}
