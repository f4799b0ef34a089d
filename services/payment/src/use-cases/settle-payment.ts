import type { FullPayment } from '../ports.ts';
import { type ByHand, changeByHand } from './change-by-hand.ts';

/**
 * Ends a payment whose charge the gateway refuses to undo: an operator confirms that nothing of it is kept. Returns the
 * payment. One that was settled by hand already is not changed.
 * @throws Refusal PAYMENT_NOT_FOUND, PAYMENT_NOT_REFUSED
 */
export function settlePayment(
  byHand: ByHand,
  orderId: string,
  asked: { readonly reason: string; readonly callerId: string },
): Promise<FullPayment> {
  const input = { kind: 'settled_by_hand', ...asked } as const;
  return changeByHand(byHand, orderId, input, 'PAYMENT_NOT_REFUSED', ({ state, problem }) => ({
    state,
    problem: problem ?? '',
  }));
}
