import { type AnswerKind, lastAnswerOf, type Payment } from './payment.ts';

/** What happens to a payment. */
export type Input =
  /** Stock is held for the order: it is to be paid. */
  | {
      readonly kind: 'reserved';
      readonly customerId: string;
      readonly amount: bigint;
      readonly currency: string;
    }
  | { readonly kind: 'cancel_requested' }
  | { readonly kind: 'completed' }
  /** The order has asked once more: what was answered last is answered again. */
  | { readonly kind: 'asked_again' }
  /** Somebody wants the money of a completed order given back. */
  | { readonly kind: 'refund_requested'; readonly reason: string; readonly callerId: string }
  /** Somebody vouches that nothing of the charge is kept, though the gateway refuses to see to it. */
  | { readonly kind: 'settled_by_hand'; readonly reason: string; readonly callerId: string }
  /** Its time to ask the gateway may have come. */
  | { readonly kind: 'due' }
  /** How a call ended. */
  | { readonly kind: 'called'; readonly call: Call; readonly outcome: Outcome };

/** One call to the gateway; it is written down before it is made. */
export interface Call {
  readonly kind: 'CHARGE' | 'VOID' | 'REFUND';
  /** Counts the calls of this payment: 1, 2, 3 … */
  readonly number: number;
  /** The key that names the call to the gateway; of a VOID the key of the charge. */
  readonly key: string;
}

/**
 * How a call ended. `unknown`: it may have been carried out. `unreachable`: it was never sent, so it was not.
 * `refused`: a void or refund moved nothing, and the charge was not undone otherwise. All others are what was asked
 * for, or a definite "no".
 */
export type Outcome =
  | { readonly kind: 'approved'; readonly transactionId: string }
  | { readonly kind: 'declined' | 'temporarily_declined'; readonly code: string }
  /** Nothing stands charged under the key, and nothing ever will. */
  | { readonly kind: 'voided' }
  | { readonly kind: 'refunded' }
  | { readonly kind: 'refused' | 'unknown' | 'unreachable'; readonly detail: string };

/** The times that the rules go by, in milliseconds. */
export interface Terms {
  /** How long after the first, second … try the next one may follow; one more try than there are delays. */
  readonly retryDelaysMs: readonly number[];
  /** How long after a void or refund of unknown outcome it is asked for again. */
  readonly settleIntervalMs: number;
  /** How long after a void or refund was refused it is asked for again: the gateway may change its mind. */
  readonly refusedIntervalMs: number;
  /** How long a call takes at most. One that has not been recorded by then is taken for lost. */
  readonly callTimeoutMs: number;
}

/** What comes of an input. */
export interface Decision {
  /** Undefined: there is no payment, and none is made. The same object: nothing changes. */
  readonly next: Payment | undefined;
  /** What the order is told, of `next`. */
  readonly answer?: AnswerKind;
  /** The call to be made. */
  readonly call?: Call;
  /** Why the input cannot be, by the rules; nothing changes then. */
  readonly contradiction?: string;
}

/** The payment in a state in which nothing is due. */
export function closed(payment: Payment, state: Payment['state']): Payment {
  return { ...payment, state, problem: '', nextAttemptTime: undefined };
}

/** The payment with the answer that its new state gives. */
export function answered(payment: Payment, now: Date): Decision {
  const next = { ...payment, answerTime: now };
  const answer = lastAnswerOf(next);
  return { next, ...(answer !== undefined && { answer }) };
}
