/** The first definite outcome of a key; BLOCKED: voided before it was ever charged. */
export type Outcome = 'APPROVED' | 'DECLINED' | 'TEMPORARILY_DECLINED' | 'BLOCKED';

/** A requested charge. The amount is in minor units. */
export interface Purchase {
  readonly orderId: string;
  readonly customerId: string;
  readonly amount: bigint;
  readonly currency: string;
}

/** A used key and its outcome. */
export interface Charge extends Purchase {
  readonly key: string;
  readonly outcome: Outcome;
  /** Empty unless it was approved. */
  readonly transactionId: string;
  /** Empty unless it was declined. */
  readonly declineCode: string;
  /** Nothing is charged under the key, and nothing ever will be. */
  readonly voided: boolean;
  /** The call that refunded the charge. */
  readonly refund: { readonly key: string; readonly transactionId: string } | undefined;
}

/** A movement of money: from the customer (CHARGE), or back. */
export interface Movement {
  readonly kind: 'CHARGE' | 'VOID' | 'REFUND';
  readonly chargeKey: string;
  readonly orderId: string;
  readonly amount: bigint;
  readonly currency: string;
  /** The gateway's id of the movement. */
  readonly transactionId: string;
}

/** A stored movement. */
export interface LedgerEntry extends Movement {
  /** 1, 2, 3 … without a gap. */
  readonly sequence: bigint;
  readonly createTime: Date;
}

/** The outcome of a charge under a used key. */
export function outcomeOf({ outcome, voided }: Charge): Exclude<Outcome, 'BLOCKED'> | 'VOIDED' {
  return voided || outcome === 'BLOCKED' ? 'VOIDED' : outcome;
}

/** Whether the customer is charged under this key. */
export function standsCharged({ outcome, voided, refund }: Charge): boolean {
  return outcome === 'APPROVED' && !voided && refund === undefined;
}

/** Whether a voided key had been charged, so that the void undid the charge. */
export function wasTakenBack({ outcome, voided, refund }: Charge): boolean {
  return outcome === 'APPROVED' && voided && refund === undefined;
}

const prefixes: Record<Movement['kind'], string> = { CHARGE: 'ch', VOID: 'vd', REFUND: 'rf' };

/** The movement of a charge, void or refund: at most one of each kind per key. */
export function movementOf(
  kind: Movement['kind'],
  { key, orderId, amount, currency }: Purchase & { readonly key: string },
): Movement {
  return { kind, chargeKey: key, orderId, amount, currency, transactionId: `${prefixes[kind]}-${key}` };
}

/** Whether a charge under a used key repeats the first one; a blocked key knows only its order. */
export function isSamePurchase(charge: Charge, asked: Purchase): boolean {
  if (charge.orderId !== asked.orderId) return false;
  if (charge.outcome === 'BLOCKED') return true;
  return (
    charge.customerId === asked.customerId &&
    charge.amount === asked.amount &&
    charge.currency === asked.currency
  );
}
