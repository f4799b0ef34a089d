import { type Decision, type Input, replied } from './input.ts';
import type { Payable, PaymentRecord, Waiting } from './payable.ts';
import { openOrder, type Payment, withoutCalls } from './payment.ts';

/** Applies OrderAccepted, which alone determines what is to be paid. */
export function accepted(
  current: PaymentRecord | undefined,
  { payable }: Extract<Input, { kind: 'accepted' }>,
  orderId: string,
  now: Date,
): Decision {
  if (current === undefined) return { next: waiting(orderId, 'OrderAccepted', payable) };
  if (current.state !== 'WAITING') return charged(current, payable);
  if (current.heard === 'OrderAccepted') {
    if (!isSame(current.payable, payable)) return contradictory(current);
    // Refused again with each repeat: the process that dead-lettered it the first time may have crashed before it did.
    return { next: current, ...(current.record !== undefined && { refused: refusal(current.record) }) };
  }
  if (isSame(current.payable, payable)) return toCharge(orderId, payable, now);
  return {
    next: waiting(orderId, 'OrderAccepted', payable, current.record),
    refused: refusal(current.record),
  };
}

/** Applies InventoryReserved, which starts the charge but does not determine it. */
export function reserved(
  current: PaymentRecord | undefined,
  { payable, record }: Extract<Input, { kind: 'reserved' }>,
  orderId: string,
  now: Date,
): Decision {
  if (current === undefined) return { next: waiting(orderId, 'InventoryReserved', payable, record) };
  if (current.state !== 'WAITING') return charged(current, payable);
  const isTheSame = isSame(current.payable, payable);
  if (current.heard === 'InventoryReserved') {
    if (isTheSame) return { next: current };
    return {
      next: current,
      contradiction: 'another InventoryReserved with other content waits for OrderAccepted',
    };
  }
  return isTheSame ? toCharge(orderId, payable, now) : { next: current, contradiction: differs };
}

const differs = 'the reservation differs from the accepted order: nothing is charged for it';

function refusal(record: unknown) {
  return { record, detail: differs };
}

function contradictory(next: PaymentRecord): Decision {
  return { next, contradiction: 'the amount to pay differs from that of the first event' };
}

/** The payment exists: the event can only be a repeat. */
function charged(payment: Payment, payable: Payable): Decision {
  const wasNeverAccepted = payment.customerId === undefined;
  if (wasNeverAccepted || isSame({ ...payment, lines: payable.lines }, payable)) return { next: payment };
  return contradictory(payment);
}

function toCharge(orderId: string, { customerId, amount, currency }: Payable, now: Date): Decision {
  const payment = { ...withoutCalls(orderId), ...openOrder, customerId, amount, currency };
  // An amount of 0 counts as paid; gateways refuse to charge it.
  if (amount === 0n) return replied({ ...payment, state: 'PROCESSED', answerTime: now });
  return { next: { ...payment, state: 'PENDING', nextAttemptTime: now } };
}

function waiting(orderId: string, heard: Waiting['heard'], payable: Payable, record?: unknown): Waiting {
  return { orderId, state: 'WAITING', heard, payable, record };
}

function isSame(one: Payable, other: Payable): boolean {
  return (
    one.customerId === other.customerId &&
    one.amount === other.amount &&
    one.currency === other.currency &&
    one.lines === other.lines
  );
}
