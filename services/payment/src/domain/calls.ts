import { type Call, type Decision, type Outcome, replied, type Terms } from './input.ts';
import {
  chargeKeyOf,
  endedAt,
  type FailReason,
  type Payment,
  type PendingPayment,
  type RefundingPayment,
  type Requested,
  refundKeyOf,
  type SettlingPayment,
} from './payment.ts';

/** Decides the next call to the gateway, if it is due. */
export function due(payment: Payment | undefined, now: Date, terms: Terms): Decision {
  if (payment?.nextAttemptTime === undefined || payment.nextAttemptTime > now) return { next: payment };
  const number = payment.attempts + 1;
  switch (payment.state) {
    case 'PENDING': {
      // The outcome of the last attempt is unknown.
      if (isLastTry(payment, terms)) return due({ ...payment, state: 'SETTLING' }, now, terms);
      const tried = { ...payment, attempts: number, tries: payment.tries + 1, unknown: payment.unknown + 1 };
      // If its outcome is never recorded, the call is due again at the time it would be after a time-out.
      const lost = after(now, terms.callTimeoutMs + retryDelayOf(tried, terms));
      return {
        next: { ...tried, nextAttemptTime: lost },
        call: { kind: 'CHARGE', number, key: chargeKeyOf(payment) },
      };
    }
    case 'SETTLING':
    case 'REFUNDING': {
      const lost = after(now, terms.callTimeoutMs + outageDelayOf(terms));
      const call: Call =
        payment.state === 'SETTLING'
          ? { kind: 'VOID', number, key: chargeKeyOf(payment) }
          : { kind: 'REFUND', number, key: refundKeyOf(payment) };
      return { next: { ...payment, attempts: number, nextAttemptTime: lost }, call };
    }
  }
}

/** Applies the outcome of a call. Each call is recorded once. */
export function called(
  payment: Payment | undefined,
  call: Call,
  outcome: Outcome,
  now: Date,
  terms: Terms,
): Decision {
  if (payment === undefined) return { next: payment, contradiction: 'a call was made without a payment' };
  if (call.kind === 'CHARGE') return charged(payment, call, outcome, now, terms);
  const state = call.kind === 'VOID' ? 'SETTLING' : 'REFUNDING';
  // Another call has settled it meanwhile, or an operator.
  if (payment.state !== state) {
    const isTwice = outcome.kind === 'refunded' && payment.settlement !== undefined;
    return {
      next: payment,
      ...(isTwice && {
        contradiction: `${call.key} was executed, and had been settled by hand before that`,
      }),
    };
  }
  if (payment.state === 'SETTLING' && outcome.kind === 'voided') return settled(payment, now);
  if (payment.state === 'REFUNDING' && outcome.kind === 'refunded') return refunded(payment, now);
  if (call.number !== payment.attempts) return { next: payment };
  switch (outcome.kind) {
    case 'refused': {
      const nextAttemptTime = after(now, terms.refusedIntervalMs);
      return { next: { ...payment, problem: outcome.detail, refusedCall: call.number, nextAttemptTime } };
    }
    case 'unreachable': {
      // Nothing was sent: a refusal right before it is still the gateway's latest response.
      const isStillRefused = payment.refusedCall > 0 && payment.refusedCall === call.number - 1;
      const refusedCall = isStillRefused ? call.number : payment.refusedCall;
      return { next: { ...payment, refusedCall, nextAttemptTime: after(now, outageDelayOf(terms)) } };
    }
    default:
      return { next: { ...payment, nextAttemptTime: after(now, terms.settleIntervalMs) } };
  }
}

function charged(payment: Payment, call: Call, outcome: Outcome, now: Date, terms: Terms): Decision {
  const isPresentKey = call.key === chargeKeyOf(payment);
  // Once settling has begun only the void counts: it undoes a charge that a late response may report.
  if (payment.state !== 'PENDING' || !isPresentKey) {
    const wasDeclined = !isPresentKey || (payment.state === 'FAILED' && payment.failReason !== 'UNSETTLED');
    if (outcome.kind !== 'approved') return { next: payment };
    if (wasDeclined) {
      return { next: payment, contradiction: `the gateway declined ${call.key}, and approved it after that` };
    }
    const isVouchedFor = payment.settlement !== undefined && payment.state !== 'REFUNDED';
    return {
      next: payment,
      ...(isVouchedFor && {
        contradiction: `${call.key} is charged, and had been settled by hand before that`,
      }),
    };
  }
  switch (outcome.kind) {
    case 'approved': {
      const { transactionId } = outcome;
      return replied({ ...payment, ...endedAt(now), state: 'PROCESSED', transactionId, unknown: 0 });
    }
    case 'declined':
      return failed({ ...payment, declineCode: outcome.code }, 'DECLINED', now);
    case 'temporarily_declined': {
      const declined = { ...payment, declineCode: outcome.code, unknown: 0 };
      if (isLastTry(payment, terms)) return failed(declined, 'TEMPORARILY_DECLINED', now);
      const nextAttemptTime = after(now, retryDelayOf(payment, terms));
      return { next: { ...declined, keyNumber: payment.keyNumber + 1, nextAttemptTime } };
    }
    case 'voided':
      return settled(payment, now);
    case 'unreachable': {
      const unsent = { ...payment, tries: payment.tries - 1, unknown: payment.unknown - 1 };
      if (call.number !== payment.attempts) return { next: unsent };
      return { next: { ...unsent, nextAttemptTime: after(now, outageDelayOf(terms)) } };
    }
    case 'refunded':
    case 'refused':
    case 'unknown': {
      if (call.number !== payment.attempts) return { next: payment };
      if (isLastTry(payment, terms)) return { next: { ...payment, state: 'SETTLING', nextAttemptTime: now } };
      return { next: { ...payment, nextAttemptTime: after(now, retryDelayOf(payment, terms)) } };
    }
  }
}

function failed(payment: PendingPayment, failReason: FailReason, now: Date): Decision {
  return replied({ ...payment, ...endedAt(now), state: 'FAILED', failReason, unknown: 0 });
}

/** Ends a payment: nothing is charged, and nothing ever will be. */
export function settled(
  payment: PendingPayment | SettlingPayment,
  now: Date,
  settlement?: Requested,
): Decision {
  const ended = { ...payment, ...endedAt(now), settlement, unknown: 0 };
  return replied(
    ended.cancelRequested
      ? { ...ended, state: 'VOIDED' }
      : { ...ended, state: 'FAILED', failReason: 'UNSETTLED' },
  );
}

/** Ends a payment: its charge is refunded. */
export function refunded(payment: RefundingPayment, now: Date, settlement?: Requested): Decision {
  return replied({ ...payment, ...endedAt(now), state: 'REFUNDED', settlement });
}

function isLastTry({ tries }: Payment, { retryDelaysMs }: Terms): boolean {
  return tries > retryDelaysMs.length;
}

/** The delay after the latest attempt, in milliseconds. */
function retryDelayOf({ tries }: Payment, { retryDelaysMs }: Terms): number {
  return retryDelaysMs[Math.max(0, tries - 1)] ?? 0;
}

/** The delay before an unavailable gateway is called again, in milliseconds. */
function outageDelayOf({ retryDelaysMs }: Terms): number {
  return retryDelaysMs[0] ?? 1000;
}

function after(time: Date, ms: number): Date {
  return new Date(time.getTime() + ms);
}
