import { type Charge, isSamePurchase, movementOf, type Purchase } from '../domain/charge.ts';
import { Refusal } from '../domain/refusal.ts';
import { type DecliningRule, declineCodeOf } from '../domain/verdict.ts';
import type { LedgerTransaction } from '../ports.ts';

/**
 * Charges once per key: for a used key returns the stored charge.
 * `notNow`: temporarily declines what would be approved.
 * @throws Refusal REQUEST_ID_REUSED for another purchase under a used key.
 */
export async function charge(
  { transaction, rule }: { readonly transaction: LedgerTransaction; readonly rule: DecliningRule },
  key: string,
  purchase: Purchase,
  { notNow }: { readonly notNow: boolean },
): Promise<Charge> {
  const earlier = await transaction.find(key);
  if (earlier !== undefined) {
    if (isSamePurchase(earlier, purchase)) return earlier;
    throw new Refusal('REQUEST_ID_REUSED', `key ${key} was used for another charge: use a new one`, { key });
  }
  const declineCode = declineCodeOf(rule, purchase.orderId);
  const outcome = declineCode !== undefined ? 'DECLINED' : notNow ? 'TEMPORARILY_DECLINED' : 'APPROVED';
  const movement = movementOf('CHARGE', { ...purchase, key });
  const charge: Charge = {
    ...purchase,
    key,
    outcome,
    declineCode: declineCode ?? (notNow ? 'try_again_later' : ''),
    transactionId: outcome === 'APPROVED' ? movement.transactionId : '',
    voided: false,
    refund: undefined,
  };
  await transaction.save(charge, outcome === 'APPROVED' ? movement : undefined);
  return charge;
}
