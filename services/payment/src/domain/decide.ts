import { called, due, refunded, settled } from './calls.ts';
import { type Decision, type Input, replied, type Terms } from './input.ts';
import type { PaymentRecord } from './payable.ts';
import { cancelledOrder, endedAt, isRefused, type Payment, withoutCalls } from './payment.ts';
import { accepted, reserved } from './start-charge.ts';

/** Applies an input to the payment of an order. Pure: `now` is the time of the input. */
export function decide(
  current: PaymentRecord | undefined,
  input: Input,
  orderId: string,
  now: Date,
  terms: Terms,
): Decision {
  if (input.kind === 'accepted') return accepted(current, input, orderId, now);
  if (input.kind === 'reserved') return reserved(current, input, orderId, now);
  if (current?.state !== 'WAITING') return ofPayment(current, input, orderId, now, terms);
  // There is no payment yet; a cancellation creates a closed one.
  const decision = ofPayment(undefined, input, orderId, now, terms);
  return decision.next === undefined ? { ...decision, next: current } : decision;
}

function ofPayment(
  current: Payment | undefined,
  input: Exclude<Input, { kind: 'accepted' | 'reserved' }>,
  orderId: string,
  now: Date,
  terms: Terms,
): Decision {
  switch (input.kind) {
    case 'cancel_requested':
      return current === undefined ? cancelledFirst(orderId, now) : cancelRequested(current, now);
    case 'completed':
      return completed(current);
    case 'requeried':
      return repeatReply(current);
    case 'refund_requested':
      return refundRequested(current, input, now);
    case 'settled_by_hand':
      return settledByHand(current, input, now);
    case 'due':
      return due(current, now, terms);
    case 'called':
      return called(current, input.call, input.outcome, now, terms);
  }
}

/** Creates a closed payment: the events that a charge needs have no effect when they arrive. */
function cancelledFirst(orderId: string, now: Date): Decision {
  return replied({ ...withoutCalls(orderId), ...cancelledOrder, state: 'VOIDED', answerTime: now });
}

function cancelRequested(payment: Payment, now: Date): Decision {
  if (payment.completed) {
    return { next: payment, contradiction: 'an order that was completed cannot be cancelled' };
  }
  if (payment.cancelRequested) return { next: payment };
  switch (payment.state) {
    case 'PENDING':
      if (payment.unknown > 0) {
        return { next: { ...payment, ...cancelledOrder, state: 'SETTLING', nextAttemptTime: now } };
      }
      return replied({ ...payment, ...cancelledOrder, ...endedAt(now), state: 'VOIDED' });
    case 'PROCESSED':
      if (payment.transactionId !== undefined) {
        return { next: { ...payment, ...cancelledOrder, state: 'REFUNDING', nextAttemptTime: now } };
      }
      return replied({ ...payment, ...cancelledOrder, ...endedAt(now), state: 'VOIDED' });
    case 'FAILED':
      return replied({ ...payment, ...cancelledOrder, answerTime: now });
    case 'SETTLING':
    case 'REFUNDING':
      return { next: { ...payment, ...cancelledOrder } };
    case 'REFUNDED':
      // It was refunded because the order service did not know the order; now it does, and waits for the reply.
      return replied({ ...payment, ...cancelledOrder });
  }
}

function completed(current: Payment | undefined): Decision {
  if (current?.completed) return { next: current };
  if (current?.state === 'PROCESSED') return { next: { ...current, completed: true } };
  return {
    next: current,
    contradiction: `an order was completed whose payment is ${current?.state ?? 'unknown'}`,
  };
}

function repeatReply(current: Payment | undefined): Decision {
  return current === undefined || current.nextAttemptTime !== undefined
    ? { next: current }
    : replied(current);
}

function refundRequested(
  current: Payment | undefined,
  { reason, callerId, isOrderUnknown }: Extract<Input, { kind: 'refund_requested' }>,
  now: Date,
): Decision {
  if (current?.state === 'REFUNDING' || current?.state === 'REFUNDED') return { next: current };
  const isCharged = current?.state === 'PROCESSED' && current.transactionId !== undefined;
  if (isCharged && (current.completed || isOrderUnknown)) {
    const refund = { reason, callerId, time: now };
    return { next: { ...current, refund, state: 'REFUNDING', nextAttemptTime: now } };
  }
  return {
    next: current,
    contradiction:
      'only the charge of an order that is completed, or that the order service does not know, can be refunded',
  };
}

function settledByHand(
  current: Payment | undefined,
  { reason, callerId }: Extract<Input, { kind: 'settled_by_hand' }>,
  now: Date,
): Decision {
  if (current?.settlement !== undefined) return { next: current };
  // While a call may be in flight its response comes first: it may refund what the operator refunds too.
  if (current === undefined || !isRefused(current)) {
    return { next: current, contradiction: 'only what the gateway refuses can be settled by hand' };
  }
  const settlement = { reason, callerId, time: now };
  return current.state === 'SETTLING'
    ? settled(current, now, settlement)
    : refunded(current, now, settlement);
}
