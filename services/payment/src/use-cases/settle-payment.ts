import type { Terms } from '../domain/input.ts';
import { Refusal } from '../domain/refusal.ts';
import type { PaymentTransaction, WholePayment } from '../ports.ts';
import { getPayment, paymentNotFound } from './get-payment.ts';
import { createSheet } from './sheet.ts';

/**
 * Ends a payment whose charge the gateway refuses to undo: somebody vouches that nothing of it is kept. Answers the
 * payment. One that was settled by hand already is left as it is.
 * @throws Refusal PAYMENT_NOT_FOUND, PAYMENT_NOT_REFUSED
 */
export async function settlePayment(
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
  const { contradiction } = sheet.apply(orderId, { kind: 'settled_by_hand', reason, callerId });
  const payment = payments.get(orderId);
  if (payment === undefined) throw paymentNotFound(orderId);
  if (contradiction !== undefined) {
    throw new Refusal('PAYMENT_NOT_REFUSED', `the payment of order ${orderId}: ${contradiction}`, {
      state: payment.state,
      problem: payment.problem,
    });
  }
  await transaction.save(sheet.changes(), now);
  return getPayment(transaction, orderId);
}
