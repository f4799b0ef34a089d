import type { Input, Terms } from '../domain/input.ts';
import type { Payment } from '../domain/payment.ts';
import { Refusal, type RefusalReason } from '../domain/refusal.ts';
import type { PaymentTransaction, WholePayment } from '../ports.ts';
import { getPayment, paymentNotFound } from './get-payment.ts';
import { createSheet } from './sheet.ts';

/** What a change that a person asks for works with. */
export interface ByHand {
  readonly transaction: PaymentTransaction;
  readonly terms: Terms;
  readonly now: Date;
}

/**
 * Applies what a person asks of the payment of an order; answers the payment.
 * @throws Refusal PAYMENT_NOT_FOUND; where the rules do not let it be, `reason`, with what `metadataOf` tells of it.
 */
export async function changeByHand(
  { transaction, terms, now }: ByHand,
  orderId: string,
  input: Input,
  reason: RefusalReason,
  metadataOf: (payment: Payment) => Record<string, string>,
): Promise<WholePayment> {
  const payments = await transaction.lock([orderId]);
  const sheet = createSheet(payments, now, terms);
  const { contradiction } = sheet.apply(orderId, input);
  const payment = payments.get(orderId);
  if (payment === undefined) throw paymentNotFound(orderId);
  if (contradiction !== undefined) {
    throw new Refusal(reason, `the payment of order ${orderId}: ${contradiction}`, metadataOf(payment));
  }
  await transaction.save(sheet.changes(), now);
  return getPayment(transaction, orderId);
}
