import type { Payable, PaymentRecord } from './payable.ts';
import { type RepliedPayment, type ReplyKind, replyOf } from './payment.ts';

/** An input of the payment of an order. */
export type Input =
  /** The order was accepted: this amount is to be paid, once its stock is reserved. */
  | { readonly kind: 'accepted'; readonly payable: Payable }
  /**
   * The stock is reserved: the order is to be paid. `record`: the event's record, in case it has to be dead-lettered.
   */
  | { readonly kind: 'reserved'; readonly payable: Payable; readonly record: unknown }
  | { readonly kind: 'cancel_requested' }
  | { readonly kind: 'completed' }
  /** The order was requeried: the last reply is sent again. */
  | { readonly kind: 'requeried' }
  /** A caller requests a refund. */
  | {
      readonly kind: 'refund_requested';
      readonly reason: string;
      readonly callerId: string;
      /** The order service does not know the order: nothing else will ever undo the charge. */
      readonly isOrderUnknown: boolean;
    }
  /** An operator confirms that nothing of the charge is kept, although the gateway refuses to undo it. */
  | { readonly kind: 'settled_by_hand'; readonly reason: string; readonly callerId: string }
  /** The next call to the gateway may be due. */
  | { readonly kind: 'due' }
  /** A call has ended. */
  | { readonly kind: 'called'; readonly call: Call; readonly outcome: Outcome };

/** One call to the gateway; it is stored before it is made. */
export interface Call {
  readonly kind: 'CHARGE' | 'VOID' | 'REFUND';
  /** Numbers the calls of this payment: 1, 2, 3 … */
  readonly number: number;
  /** The idempotency key of the call; for a VOID the key of the charge. */
  readonly key: string;
}

/**
 * The outcome of a call. `unknown`: it may have been executed. `unreachable`: it was never sent, so it was not
 * executed. `refused`: a void or refund changed nothing, and the charge was not undone otherwise. All others are
 * definite: success, or a decline.
 */
export type Outcome =
  | { readonly kind: 'approved'; readonly transactionId: string }
  | { readonly kind: 'declined' | 'temporarily_declined'; readonly code: string }
  /** Nothing is charged under the key, and nothing ever will be. */
  | { readonly kind: 'voided' }
  | { readonly kind: 'refunded' }
  | { readonly kind: 'refused' | 'unknown' | 'unreachable'; readonly detail: string };

/** The delays of the rules, in milliseconds. */
export interface Terms {
  /** The delays after the first, second … attempt; there is one more attempt than there are delays. */
  readonly retryDelaysMs: readonly number[];
  /** The delay after a void or refund of unknown outcome. */
  readonly settleIntervalMs: number;
  /** The delay after a refused void or refund: the gateway may accept it later. */
  readonly refusedIntervalMs: number;
  /** The longest duration of a call. A call that has not been recorded by then counts as lost. */
  readonly callTimeoutMs: number;
}

/** The result of an input. */
export interface Decision {
  /** Undefined: the order is unknown. The same object: nothing changes. */
  readonly next: PaymentRecord | undefined;
  /** The reply to the order service, about `next`. */
  readonly reply?: ReplyKind;
  /** The call to make. */
  readonly call?: Call;
  /** Why the rules do not allow the input; nothing changes then. */
  readonly contradiction?: string;
  /** An earlier InventoryReserved that turns out to be contradictory, and why. */
  readonly refused?: { readonly record: unknown; readonly detail: string };
}

/** The payment with its reply. */
export function replied(next: RepliedPayment): Decision {
  return { next, reply: replyOf(next) };
}
