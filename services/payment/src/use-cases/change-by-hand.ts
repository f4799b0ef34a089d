import type { Input, Terms } from '../domain/input.ts';
import type { Payment } from '../domain/payment.ts';
import { Refusal, type RefusalReason } from '../domain/refusal.ts';
import type { FullPayment, PaymentTransaction } from '../ports.ts';
import { getPayment, paymentNotFound } from './get-payment.ts';
import { createUnitOfWork } from './unit-of-work.ts';

/** The dependencies of a change by an operator. */
export interface ByHand {
  readonly transaction: PaymentTransaction;
  readonly terms: Terms;
  readonly now: Date;
}

/**
 * Applies an operator's input to the payment of an order; returns the payment.
 * @throws Refusal PAYMENT_NOT_FOUND; `reason` where the rules do not allow the input, with the metadata of
 *   `metadataOf`.
 */
export async function changeByHand(
  { transaction, terms, now }: ByHand,
  orderId: string,
  input: Input,
  reason: RefusalReason,
  metadataOf: (payment: Payment) => Record<string, string>,
): Promise<FullPayment> {
  const payments = await transaction.lock([orderId]);
  const unitOfWork = createUnitOfWork(payments, now, terms);
  const { contradiction } = unitOfWork.apply(orderId, input);
  const payment = payments.get(orderId);
  if (payment === undefined) throw paymentNotFound(orderId);
  if (contradiction !== undefined) {
    throw new Refusal(reason, `the payment of order ${orderId}: ${contradiction}`, metadataOf(payment));
  }
  transaction.save(unitOfWork.changes(), now);
  return getPayment(transaction, orderId);
}
