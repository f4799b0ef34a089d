import type { Terms } from '../domain/input.ts';
import { Refusal } from '../domain/refusal.ts';
import type { PaymentTransaction, WholePayment } from '../ports.ts';
import { getPayment, paymentNotFound } from './get-payment.ts';
import { createSheet } from './sheet.ts';

/**
 * Has the whole charge of a completed order given back; answers the payment. One that is being given back already is
 * left as it is.
 * @throws Refusal PAYMENT_NOT_FOUND, PAYMENT_NOT_REFUNDABLE
 */
export async function refundPayment(
  {
    transaction,
    terms,
    now,
  }: { readonly transaction: PaymentTransaction; readonly terms: Terms; readonly now: Date },
  orderId: string,
  { reason, callerId }: { readonly reason: string; readonly callerId: string },
): Promise<WholePayment> {
  const payments = await transaction.lock([orderId]);
  const sheet = createSheet(payments, now, terms);
  const { contradiction } = sheet.apply(orderId, { kind: 'refund_requested', reason, callerId });
  const payment = payments.get(orderId);
  if (payment === undefined) throw paymentNotFound(orderId);
  if (contradiction !== undefined) {
    throw new Refusal('PAYMENT_NOT_REFUNDABLE', `the payment of order ${orderId}: ${contradiction}`, {
      state: payment.state,
      order_completed: String(payment.completed),
    });
  }
  await transaction.save(sheet.changes(), now);
  return getPayment(transaction, orderId);
}
