import { Refusal } from '../domain/refusal.ts';
import type { FullPayment, PaymentReader } from '../ports.ts';

/**
 * Returns the payment of an order, with all its calls.
 * @throws Refusal PAYMENT_NOT_FOUND
 */
export async function getPayment(reader: Pick<PaymentReader, 'find'>, orderId: string): Promise<FullPayment> {
  const found = await reader.find(orderId);
  if (found === undefined) throw paymentNotFound(orderId);
  return found;
}

export function paymentNotFound(orderId: string): Refusal {
  return new Refusal('PAYMENT_NOT_FOUND', `order ${orderId} has no payment`, { order_id: orderId });
}
