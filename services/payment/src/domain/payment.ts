/**
 * PENDING: to be charged. SETTLING: whether it was charged is unknown, and is settled by voiding the charge. REFUNDING:
 * being refunded. FAILED, VOIDED and REFUNDED are final; so is PROCESSED, except for a cancellation or a refund.
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

/** The replies of payment; at most one of each kind per order. */
export type ReplyKind = 'PaymentProcessed' | 'PaymentFailed' | 'PaymentVoided' | 'PaymentRefunded';

/** Why something was requested, by whom and when. The first version kept neither the caller, then empty, nor the time. */
export interface Requested {
  readonly reason: string;
  readonly callerId: string;
  readonly time: Date | undefined;
}

/** The fields that a payment has in every state. */
interface Common {
  readonly orderId: string;
  /** The charge has the idempotency key `<order id>:<keyNumber>`; it increases only after a temporary decline. */
  readonly keyNumber: number;
  /** The number of charge calls, under all keys, without those that were never sent. */
  readonly tries: number;
  /** The number of charge calls under the present key that may have been executed with an unknown outcome. */
  readonly unknown: number;
  /** The number of stored calls of any kind; the number of the latest one. */
  readonly attempts: number;
  /** The number of the last refused call; 0 when none was refused. */
  readonly refusedCall: number;
  /** The gateway's code of the last decline. */
  readonly declineCode?: string | undefined;
}

/** The fields that a payment has in some states only. */
interface Details {
  /** Who pays how much, in minor units. */
  readonly customerId: string;
  readonly amount: bigint;
  readonly currency: string;
  /** The gateway's id of the charge. */
  readonly transactionId: string;
  readonly failReason: FailReason;
  /** The request for a refund. */
  readonly refund?: Requested | undefined;
  /** The gateway's error when it refused to undo the charge, until it has undone it. */
  readonly problem?: string | undefined;
  /** An operator's confirmation that nothing is kept of a charge that the gateway refused to undo. */
  readonly settlement?: Requested | undefined;
  /** When the next call is due. */
  readonly nextAttemptTime: Date;
  /** When the last reply was sent. */
  readonly answerTime: Date;
}

type ToPay = 'customerId' | 'amount' | 'currency';

/** A payment in a state: of the details it has these, and none of the others. */
type In<State extends PaymentState, Has extends keyof Details> = Common &
  Pick<Details, Has> & { readonly state: State } & {
    readonly [Absent in Exclude<keyof Details, Has>]?: undefined;
  };

/** The order was neither cancelled nor completed yet. */
export interface OpenOrder {
  readonly cancelRequested: false;
  readonly completed: false;
}

/** The order was cancelled: no charge is kept, whatever happens. */
export interface CancelledOrder {
  readonly cancelRequested: true;
  readonly completed: false;
}

/** The order was completed: it cannot be cancelled any more, but can be refunded. */
export interface CompletedOrder {
  readonly cancelRequested: false;
  readonly completed: true;
}

/** A charge is refunded because its order was cancelled, or because a refund was requested; or for both. */
export type RefundCause =
  | (CancelledOrder & Pick<Details, 'refund'>)
  | ((OpenOrder | CompletedOrder) & { readonly refund: Requested });

export type PendingPayment = In<'PENDING', ToPay | 'nextAttemptTime'> & OpenOrder;
export type SettlingPayment = In<'SETTLING', ToPay | 'problem' | 'nextAttemptTime'> &
  (OpenOrder | CancelledOrder);
export type RefundingPayment = In<
  'REFUNDING',
  ToPay | 'transactionId' | 'refund' | 'problem' | 'nextAttemptTime' | 'answerTime'
> &
  RefundCause;

/** Without a transaction id: there was nothing to pay. */
export type ProcessedPayment = (
  | In<'PROCESSED', ToPay | 'transactionId' | 'answerTime'>
  | In<'PROCESSED', ToPay | 'answerTime'>
) &
  (OpenOrder | CompletedOrder);
export type FailedPayment = In<'FAILED', ToPay | 'failReason' | 'settlement' | 'answerTime'> &
  (OpenOrder | CancelledOrder);
/** Without an amount: the order was cancelled before there was anything to pay. */
export type VoidedPayment = (In<'VOIDED', ToPay | 'settlement' | 'answerTime'> | In<'VOIDED', 'answerTime'>) &
  CancelledOrder;
export type RefundedPayment = In<
  'REFUNDED',
  ToPay | 'transactionId' | 'refund' | 'settlement' | 'answerTime'
> &
  RefundCause;

/** A payment with a call to the gateway that is due, now or later. */
export type DuePayment = PendingPayment | SettlingPayment | RefundingPayment;

/** A payment without a due call: the order service was sent its reply. */
export type RepliedPayment = ProcessedPayment | FailedPayment | VoidedPayment | RefundedPayment;

/** The payment of an order. Never deleted: a closed one makes late events harmless. */
export type Payment = DuePayment | RepliedPayment;

export const openOrder: OpenOrder = { cancelRequested: false, completed: false };
export const cancelledOrder: CancelledOrder = { cancelRequested: true, completed: false };
export const completedOrder: CompletedOrder = { cancelRequested: false, completed: true };

/** What every payment has before its first call. */
export function withoutCalls(orderId: string): Common {
  return { orderId, keyNumber: 1, tries: 0, unknown: 0, attempts: 0, refusedCall: 0 };
}

/** What changes when no more calls are due, and a reply is sent. */
export function endedAt(now: Date) {
  return { problem: undefined, nextAttemptTime: undefined, answerTime: now } as const;
}

const idPrefix = 'pay-';

/** The id of an order's payment; there is one per order. */
export function paymentIdOf(orderId: string): string {
  return idPrefix + orderId;
}

/** The order of a payment id; undefined when it is not a payment id. */
export function orderIdOf(paymentId: string): string | undefined {
  return paymentId.startsWith(idPrefix) ? paymentId.slice(idPrefix.length) : undefined;
}

/** The idempotency key of the charge, also used to void it. */
export function chargeKeyOf({ orderId, keyNumber }: Payment): string {
  return `${orderId}:${keyNumber}`;
}

/** The idempotency key of the refund. */
export function refundKeyOf({ orderId }: Payment): string {
  return `${orderId}:refund`;
}

/** Whether the gateway has refused the latest call to undo the charge, and no new call is in flight. */
export function isRefused(payment: Payment): payment is SettlingPayment | RefundingPayment {
  const { state, refusedCall, attempts } = payment;
  return (state === 'SETTLING' || state === 'REFUNDING') && refusedCall > 0 && refusedCall === attempts;
}

/** The last reply. */
export function replyOf({ state, cancelRequested }: RepliedPayment): ReplyKind {
  switch (state) {
    case 'PROCESSED':
      return 'PaymentProcessed';
    case 'FAILED':
      // The cancellation that follows a failure gets a reply too: nothing was charged.
      return cancelRequested ? 'PaymentVoided' : 'PaymentFailed';
    case 'VOIDED':
      return 'PaymentVoided';
    case 'REFUNDED':
      return 'PaymentRefunded';
  }
}
