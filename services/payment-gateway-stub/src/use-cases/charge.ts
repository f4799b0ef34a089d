import { type Charge, isSamePurchase, movementOf, type Purchase } from '../domain/charge.ts';
import { Refusal } from '../domain/refusal.ts';
import { type DecliningRule, declineCodeOf } from '../domain/verdict.ts';
import type { LedgerTransaction } from '../ports.ts';

/** A requested charge. `notNow`: it is temporarily declined if it would be approved. */
export interface ChargeRequest {
  readonly key: string;
  readonly purchase: Purchase;
  readonly notNow: boolean;
}

/**
 * Charges once per key: for a used key returns the stored charge, or a refusal, REQUEST_ID_REUSED, if it was used for
 * another purchase. Results are in the order of the requests, no two of which may have the same key.
 */
export async function chargeAll(
  { transaction, rule }: { readonly transaction: LedgerTransaction; readonly rule: DecliningRule },
  requests: readonly ChargeRequest[],
): Promise<(Charge | Refusal)[]> {
  const stored = await transaction.find(requests.map(({ key }) => key));
  return requests.map((request) => {
    const { key, purchase } = request;
    const earlier = stored.get(key);
    if (earlier === undefined) return chargeNew(transaction, rule, request);
    if (isSamePurchase(earlier, purchase)) return earlier;
    return new Refusal('REQUEST_ID_REUSED', `key ${key} was used for another charge: use a new one`, { key });
  });
}

function chargeNew(
  transaction: LedgerTransaction,
  rule: DecliningRule,
  { key, purchase, notNow }: ChargeRequest,
): Charge {
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
  transaction.save(charge, outcome === 'APPROVED' ? movement : undefined);
  return charge;
}
