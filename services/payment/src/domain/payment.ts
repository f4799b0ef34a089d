/**
 * PENDING: to be charged. SETTLING: whether it was charged is not known, and is settled by voiding the charge.
 * REFUNDING: being given back. FAILED, VOIDED and REFUNDED are final; so is PROCESSED, but for a cancel or a refund.
 */
export type PaymentState =
  | 'PENDING'
  | 'PROCESSED'
  | 'FAILED'
  | 'SETTLING'
  | 'REFUNDING'
  | 'VOIDED'
  | 'REFUNDED';

/** Why nothing was charged. */
export type FailReason = 'DECLINED' | 'TEMPORARILY_DECLINED' | 'UNSETTLED';

/** What payment tells about an order; at most one of each kind an order. */
export type AnswerKind = 'PaymentProcessed' | 'PaymentFailed' | 'PaymentVoided' | 'PaymentRefunded';

/** The payment of an order. Never deleted: a closed one keeps late events from doing anything. */
export interface Payment {
  readonly orderId: string;
  /** Who pays how much, in minor units. Empty and 0 when the order was cancelled before there was anything to pay. */
  readonly customerId: string;
  readonly amount: bigint;
  readonly currency: string;
  readonly state: PaymentState;
  /** The order asked for its cancellation: whatever happens, no money is kept. */
  readonly cancelRequested: boolean;
  /** The order was completed: it can't be cancelled any more, and can be refunded. */
  readonly completed: boolean;
  /** The charge is asked for under the key `<order id>:<keyNumber>`; it rises only after a definite "not now". */
  readonly keyNumber: number;
  /** How many charges were asked for, under all keys; those that were never sent do not count. */
  readonly tries: number;
  /** How many charges under the present key may have been carried out without our knowing. */
  readonly unknown: number;
  /** How many calls of any kind were written down; the number of the latest one. */
  readonly attempts: number;
  /** The gateway's name for the charge; empty before it. */
  readonly transactionId: string;
  readonly failReason: FailReason | undefined;
  /** The gateway's code for the last decline; empty when there was none. */
  readonly declineCode: string;
  /** Why somebody had a completed order refunded, who and when; empty when nobody has. */
  readonly refundReason: string;
  readonly refundCallerId: string;
  readonly refundTime: Date | undefined;
  /** What the gateway said when it refused to undo the charge; empty when it has not, or has done it since. */
  readonly problem: string;
  /** The number of the last call that it refused; 0 when it has refused none. */
  readonly refusedCall: number;
  /** Why somebody has settled what the gateway refused, who and when; empty when nobody has. */
  readonly settleReason: string;
  readonly settleCallerId: string;
  readonly settleTime: Date | undefined;
  /** When the gateway is asked next; undefined when nothing is due. */
  readonly nextAttemptTime: Date | undefined;
  /** When the last answer was given. */
  readonly answerTime: Date | undefined;
}

/** A payment of which nothing is known yet. */
export function newPayment(orderId: string): Payment {
  return {
    orderId,
    customerId: '',
    amount: 0n,
    currency: '',
    state: 'PENDING',
    cancelRequested: false,
    completed: false,
    keyNumber: 1,
    tries: 0,
    unknown: 0,
    attempts: 0,
    transactionId: '',
    failReason: undefined,
    declineCode: '',
    refundReason: '',
    refundCallerId: '',
    refundTime: undefined,
    problem: '',
    refusedCall: 0,
    settleReason: '',
    settleCallerId: '',
    settleTime: undefined,
    nextAttemptTime: undefined,
    answerTime: undefined,
  };
}

const idPrefix = 'pay-';

/** The payment's id: there is one an order, so it is named after it. */
export function paymentIdOf(orderId: string): string {
  return idPrefix + orderId;
}

/** The order that a payment id is named after; undefined when it is no such id. */
export function orderIdOf(paymentId: string): string | undefined {
  return paymentId.startsWith(idPrefix) ? paymentId.slice(idPrefix.length) : undefined;
}

/** The key under which the gateway is asked for the charge, or to void it. */
export function chargeKeyOf({ orderId, keyNumber }: Payment): string {
  return `${orderId}:${keyNumber}`;
}

/** The key under which the gateway is asked to give the charge back. */
export function refundKeyOf({ orderId }: Payment): string {
  return `${orderId}:refund`;
}

/** Whether the gateway's last word is that it will not undo the charge, and it is not being asked again just now. */
export function isRefused({ state, refusedCall, attempts }: Payment): boolean {
  return (state === 'SETTLING' || state === 'REFUNDING') && refusedCall > 0 && refusedCall === attempts;
}

/** The answer that was given last; undefined while one is still being worked out. */
export function lastAnswerOf({ state, cancelRequested }: Payment): AnswerKind | undefined {
  switch (state) {
    case 'PROCESSED':
      return 'PaymentProcessed';
    case 'FAILED':
      // The cancel that follows a failure is answered too: nothing was charged.
      return cancelRequested ? 'PaymentVoided' : 'PaymentFailed';
    case 'VOIDED':
      return 'PaymentVoided';
    case 'REFUNDED':
      return 'PaymentRefunded';
    case 'PENDING':
    case 'SETTLING':
    case 'REFUNDING':
      return undefined;
  }
}
