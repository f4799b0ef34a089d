import type { FullPayment, Orders, PaymentReader } from '../ports.ts';
import { type ByHand, changeByHand } from './change-by-hand.ts';

/**
 * Returns whether the order service does not know the order of this payment. It is called only where the refund depends
 * on it: for a charge whose order was neither completed nor cancelled.
 */
export async function isOrderUnknown(
  { reader, orders }: { readonly reader: Pick<PaymentReader, 'find'>; readonly orders: Orders },
  orderId: string,
): Promise<boolean> {
  const payment = (await reader.find(orderId))?.payment;
  if (payment?.state !== 'PROCESSED' || payment.completed || payment.amount === 0n) return false;
  return !(await orders.exists(orderId));
}

/**
 * Refunds the whole charge of an order that is completed, or that the order service does not know; returns the payment.
 * One that is being refunded already is not changed.
 * @throws Refusal PAYMENT_NOT_FOUND, PAYMENT_NOT_REFUNDABLE
 */
export function refundPayment(
  byHand: ByHand,
  orderId: string,
  asked: { readonly reason: string; readonly callerId: string; readonly isOrderUnknown: boolean },
): Promise<FullPayment> {
  const input = { kind: 'refund_requested', ...asked } as const;
  return changeByHand(byHand, orderId, input, 'PAYMENT_NOT_REFUNDABLE', ({ state, completed }) => ({
    state,
    order_completed: String(completed),
  }));
}
