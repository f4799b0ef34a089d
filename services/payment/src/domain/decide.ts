import { called, due, settled } from './calls.ts';
import { answered, closed, type Decision, type Input, type Terms } from './input.ts';
import { isRefused, lastAnswerOf, newPayment, type Payment } from './payment.ts';

/** The rules of payment. They know no clock: `now` is when the input came. */
export function decide(
  current: Payment | undefined,
  input: Input,
  orderId: string,
  now: Date,
  terms: Terms,
): Decision {
  switch (input.kind) {
    case 'reserved':
      return reserved(current, input, orderId, now);
    case 'cancel_requested':
      return cancelRequested(current ?? newPayment(orderId), current === undefined, now);
    case 'completed':
      return completed(current);
    case 'asked_again':
      return again(current);
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

function reserved(
  current: Payment | undefined,
  { customerId, amount, currency }: Extract<Input, { kind: 'reserved' }>,
  orderId: string,
  now: Date,
): Decision {
  if (current !== undefined) {
    const isClosedMarker = current.customerId === '';
    const isSame =
      current.customerId === customerId && current.amount === amount && current.currency === currency;
    if (isClosedMarker || isSame) return { next: current };
    return { next: current, contradiction: 'the order is to be paid otherwise than it was first' };
  }
  const payment = { ...newPayment(orderId), customerId, amount, currency };
  // What costs nothing is paid; gateways refuse to charge nothing.
  if (amount === 0n) return answered({ ...payment, state: 'PROCESSED' }, now);
  return { next: { ...payment, nextAttemptTime: now } };
}

function cancelRequested(payment: Payment, isNew: boolean, now: Date): Decision {
  if (payment.completed) {
    return { next: payment, contradiction: 'an order that was completed cannot be cancelled' };
  }
  if (payment.cancelRequested) return { next: payment };
  const cancelled = { ...payment, cancelRequested: true };
  switch (payment.state) {
    case 'PENDING':
      if (isNew || payment.unknown === 0) return answered(closed(cancelled, 'VOIDED'), now);
      return { next: { ...cancelled, state: 'SETTLING', nextAttemptTime: now } };
    case 'PROCESSED':
      if (payment.amount === 0n) return answered(closed(cancelled, 'VOIDED'), now);
      return { next: { ...cancelled, state: 'REFUNDING', nextAttemptTime: now } };
    case 'FAILED':
      return answered(cancelled, now);
    case 'SETTLING':
      return { next: cancelled };
    case 'REFUNDING':
    case 'VOIDED':
    case 'REFUNDED':
      // Only a cancel or a completed order leads here.
      return { next: payment, contradiction: `the payment is ${payment.state} without a cause` };
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

function again(current: Payment | undefined): Decision {
  const answer = current && lastAnswerOf(current);
  return { next: current, ...(answer !== undefined && { answer }) };
}

function refundRequested(
  current: Payment | undefined,
  { reason, callerId }: Extract<Input, { kind: 'refund_requested' }>,
  now: Date,
): Decision {
  if (current?.state === 'REFUNDING' || current?.state === 'REFUNDED') return { next: current };
  if (current?.state === 'PROCESSED' && current.completed && current.amount > 0n) {
    const asked = { refundReason: reason, refundCallerId: callerId, refundTime: now };
    return { next: { ...current, ...asked, state: 'REFUNDING', nextAttemptTime: now } };
  }
  return { next: current, contradiction: 'only the charge of a completed order can be given back' };
}

function settledByHand(
  current: Payment | undefined,
  { reason, callerId }: Extract<Input, { kind: 'settled_by_hand' }>,
  now: Date,
): Decision {
  if (current?.settleTime !== undefined) return { next: current };
  // While a call may be under way, its answer is to be heard first: it may give back what somebody gives back too.
  if (current === undefined || !isRefused(current)) {
    return { next: current, contradiction: 'only what the gateway refuses can be settled by hand' };
  }
  const vouched = { ...current, settleReason: reason, settleCallerId: callerId, settleTime: now };
  return current.state === 'SETTLING' ? settled(vouched, now) : answered(closed(vouched, 'REFUNDED'), now);
}
