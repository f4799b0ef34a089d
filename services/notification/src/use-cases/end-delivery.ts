import { type Delivery, end, type Outcome } from '../domain/delivery.ts';
import type { DeliveryTransaction } from '../ports.ts';

/** Records the outcome of an attempt; returns the delivery after it. An attempt that was recorded before changes nothing. */
export async function endDelivery(
  { transaction, now }: { readonly transaction: DeliveryTransaction; readonly now: Date },
  { id, attempts }: Delivery,
  outcome: Outcome,
): Promise<Delivery | undefined> {
  const delivery = await transaction.lock(id);
  if (delivery === undefined) return undefined;
  const next = end(delivery, attempts, outcome, now);
  if (next !== delivery) transaction.save([next], now);
  return next;
}
