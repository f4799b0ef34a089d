import { Refusal } from '../domain/refusal.ts';
import type { PaymentReader, WholePayment } from '../ports.ts';

/**
 * The payment of an order, with every call that was made for it.
 * @throws Refusal PAYMENT_NOT_FOUND
 */
export async function getPayment(
  reader: Pick<PaymentReader, 'find'>,
  orderId: string,
): Promise<WholePayment> {
  const found = await reader.find(orderId);
  if (found === undefined) throw paymentNotFound(orderId);
  return found;
}

export function paymentNotFound(orderId: string): Refusal {
  return new Refusal('PAYMENT_NOT_FOUND', `there is no payment of order ${orderId}`, { order_id: orderId });
}
