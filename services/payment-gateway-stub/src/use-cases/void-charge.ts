import { type Charge, movementOf, standsCharged } from '../domain/charge.ts';
import { Refusal } from '../domain/refusal.ts';
import type { LedgerTransaction } from '../ports.ts';

/**
 * Undoes the charge under a key, and blocks the key, also one that was never used. Returns the charge.
 * @throws Refusal REQUEST_ID_REUSED when the key belongs to another order.
 */
export async function voidCharge(
  { transaction }: { readonly transaction: LedgerTransaction },
  key: string,
  orderId: string,
): Promise<Charge> {
  const charge = (await transaction.find([key])).get(key) ?? blocked(key, orderId);
  if (charge.orderId !== orderId) {
    throw new Refusal('REQUEST_ID_REUSED', `key ${key} belongs to another order`, { key });
  }
  if (charge.voided) return charge;
  const voided = { ...charge, voided: true };
  transaction.save(voided, standsCharged(charge) ? movementOf('VOID', charge) : undefined);
  return voided;
}

function blocked(key: string, orderId: string): Charge {
  return {
    key,
    orderId,
    customerId: '',
    amount: 0n,
    currency: '',
    outcome: 'BLOCKED',
    transactionId: '',
    declineCode: '',
    voided: false,
    refund: undefined,
  };
}
