import { movementOf, standsCharged } from '../domain/charge.ts';
import { Refusal } from '../domain/refusal.ts';
import type { LedgerTransaction } from '../ports.ts';

/**
 * Refunds a whole charge, once; returns the gateway's id of the refund.
 * @throws Refusal REQUEST_ID_REUSED when the refund's key was used for another charge; CHARGE_NOT_REFUNDABLE when
 * nothing is charged.
 */
export async function refundCharge(
  { transaction }: { readonly transaction: LedgerTransaction },
  key: string,
  chargeKey: string,
): Promise<string> {
  const earlier = await transaction.findByRefund(key);
  if (earlier !== undefined && earlier.key !== chargeKey) {
    throw new Refusal('REQUEST_ID_REUSED', `key ${key} was used for another refund: use a new one`, { key });
  }
  if (earlier?.refund !== undefined) return earlier.refund.transactionId;
  const charge = (await transaction.find([chargeKey])).get(chargeKey);
  if (charge === undefined || !standsCharged(charge)) {
    throw new Refusal('CHARGE_NOT_REFUNDABLE', `nothing is charged under key ${chargeKey}`, {
      charge_key: chargeKey,
    });
  }
  const movement = movementOf('REFUND', charge);
  transaction.save({ ...charge, refund: { key, transactionId: movement.transactionId } }, movement);
  return movement.transactionId;
}
