/** The first definite outcome of a key; BLOCKED: voided before anybody tried to charge under it. */
export type Outcome = 'APPROVED' | 'DECLINED' | 'TEMPORARILY_DECLINED' | 'BLOCKED';

/** What somebody wants charged. The amount is in minor units. */
export interface Purchase {
  readonly orderId: string;
  readonly customerId: string;
  readonly amount: bigint;
  readonly currency: string;
}

/** A key that was used, and what became of it. */
export interface Charge extends Purchase {
  readonly key: string;
  readonly outcome: Outcome;
  /** Empty unless it was approved. */
  readonly transactionId: string;
  /** Empty unless it was declined. */
  readonly declineCode: string;
  /** Nothing stands charged under the key, and nothing ever will. */
  readonly voided: boolean;
  /** The call that gave the charge back. */
  readonly refund: { readonly key: string; readonly transactionId: string } | undefined;
}

/** Money that moves: from the customer (CHARGE), or back. */
export interface Movement {
  readonly kind: 'CHARGE' | 'VOID' | 'REFUND';
  readonly chargeKey: string;
  readonly orderId: string;
  readonly amount: bigint;
  readonly currency: string;
  /** The gateway's name for it. */
  readonly transactionId: string;
}

/** A movement as it was written down. */
export interface LedgerEntry extends Movement {
  /** 1, 2, 3 … without a gap. */
  readonly sequence: bigint;
  readonly createTime: Date;
}

/** What answers a charge under a key that was used before. */
export function outcomeOf({ outcome, voided }: Charge): Exclude<Outcome, 'BLOCKED'> | 'VOIDED' {
  return voided || outcome === 'BLOCKED' ? 'VOIDED' : outcome;
}

/** Whether money of the customer is here under this key. */
export function standsCharged({ outcome, voided, refund }: Charge): boolean {
  return outcome === 'APPROVED' && !voided && refund === undefined;
}

/** Whether a key that was voided had been charged, which the void took back. */
export function wasTakenBack({ outcome, voided, refund }: Charge): boolean {
  return outcome === 'APPROVED' && voided && refund === undefined;
}

const prefixes: Record<Movement['kind'], string> = { CHARGE: 'ch', VOID: 'vd', REFUND: 'rf' };

/** The movement that takes a charge, or gives it back: there is at most one of each kind a key. */
export function movementOf(
  kind: Movement['kind'],
  { key, orderId, amount, currency }: Purchase & { readonly key: string },
): Movement {
  return { kind, chargeKey: key, orderId, amount, currency, transactionId: `${prefixes[kind]}-${key}` };
}

/** Whether a charge under a used key asks for the same as the first time; a blocked key knows its order only. */
export function isSamePurchase(charge: Charge, asked: Purchase): boolean {
  if (charge.orderId !== asked.orderId) return false;
  if (charge.outcome === 'BLOCKED') return true;
  return (
    charge.customerId === asked.customerId &&
    charge.amount === asked.amount &&
    charge.currency === asked.currency
  );
}
