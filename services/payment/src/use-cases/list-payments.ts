import type { PaymentState } from '../domain/payment.ts';
import type { PaymentPosition, PaymentReader, StoredPayment } from '../ports.ts';

/** Which payments are wanted. */
export interface PaymentQuery {
  readonly customerId: string | undefined;
  readonly state: PaymentState | undefined;
  readonly after: PaymentPosition | undefined;
  readonly size: number;
}

/** One page, newest first, and the place to go on after; undefined on the last page. */
export async function listPayments(
  reader: PaymentReader,
  { size, ...query }: PaymentQuery,
): Promise<{ payments: StoredPayment[]; last: PaymentPosition | undefined }> {
  const found = await reader.page({ ...query, limit: size + 1 });
  const payments = found.slice(0, size);
  const last = payments.at(-1);
  if (found.length <= size || last === undefined) return { payments, last: undefined };
  return { payments, last: { createTime: last.createTime, orderId: last.payment.orderId } };
}
