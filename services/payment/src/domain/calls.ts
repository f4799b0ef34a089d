import { answered, type Call, closed, type Decision, type Outcome, type Terms } from './input.ts';
import { chargeKeyOf, type Payment, refundKeyOf } from './payment.ts';

/** Asks the gateway, when its time has come. */
export function due(payment: Payment | undefined, now: Date, terms: Terms): Decision {
  if (payment?.nextAttemptTime === undefined || payment.nextAttemptTime > now) return { next: payment };
  const number = payment.attempts + 1;
  switch (payment.state) {
    case 'PENDING': {
      // The last try was never heard of again.
      if (isLastTry(payment, terms)) return due({ ...payment, state: 'SETTLING' }, now, terms);
      const tried = { ...payment, attempts: number, tries: payment.tries + 1, unknown: payment.unknown + 1 };
      // Should its outcome never be recorded, it is due again when it would be after a time-out.
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
    default:
      return { next: payment };
  }
}

/** What comes of a call. Each call is recorded once. */
export function called(
  payment: Payment | undefined,
  call: Call,
  outcome: Outcome,
  now: Date,
  terms: Terms,
): Decision {
  if (payment === undefined) return { next: payment, contradiction: 'a call was made for no payment' };
  if (call.kind === 'CHARGE') return charged(payment, call, outcome, now, terms);
  const state = call.kind === 'VOID' ? 'SETTLING' : 'REFUNDING';
  // Somebody else's call has brought the answer already, or a person.
  if (payment.state !== state) {
    const isTwice = outcome.kind === 'refunded' && payment.settleTime !== undefined;
    return {
      next: payment,
      ...(isTwice && {
        contradiction: `${call.key} was carried out, and had been settled by hand before that`,
      }),
    };
  }
  if (outcome.kind === 'voided' && call.kind === 'VOID') return settled(payment, now);
  if (outcome.kind === 'refunded' && call.kind === 'REFUND')
    return answered(closed(payment, 'REFUNDED'), now);
  if (call.number !== payment.attempts) return { next: payment };
  switch (outcome.kind) {
    case 'refused': {
      const refused = { ...payment, problem: outcome.detail, refusedCall: call.number };
      return { next: { ...refused, nextAttemptTime: after(now, terms.refusedIntervalMs) } };
    }
    case 'unreachable': {
      // Nothing was sent: a refusal just before that is still the gateway's last word.
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
  // Once settling has begun only the void counts: it takes back what a late answer may speak of.
  if (payment.state !== 'PENDING' || !isPresentKey) {
    const wasDeclined = !isPresentKey || (payment.state === 'FAILED' && payment.failReason !== 'UNSETTLED');
    if (outcome.kind !== 'approved') return { next: payment };
    if (wasDeclined) {
      return { next: payment, contradiction: `the gateway declined ${call.key}, and approved it after that` };
    }
    const isVouchedFor = payment.settleTime !== undefined && payment.state !== 'REFUNDED';
    return {
      next: payment,
      ...(isVouchedFor && {
        contradiction: `${call.key} is charged, and had been settled by hand before that`,
      }),
    };
  }
  switch (outcome.kind) {
    case 'approved':
      return answered(
        { ...closed(payment, 'PROCESSED'), transactionId: outcome.transactionId, unknown: 0 },
        now,
      );
    case 'declined':
      return answered(
        { ...closed(payment, 'FAILED'), failReason: 'DECLINED', declineCode: outcome.code, unknown: 0 },
        now,
      );
    case 'temporarily_declined': {
      const declined = { ...payment, declineCode: outcome.code, unknown: 0 };
      if (isLastTry(payment, terms)) {
        return answered({ ...closed(declined, 'FAILED'), failReason: 'TEMPORARILY_DECLINED' }, now);
      }
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
    default: {
      if (call.number !== payment.attempts) return { next: payment };
      if (isLastTry(payment, terms)) return { next: { ...payment, state: 'SETTLING', nextAttemptTime: now } };
      return { next: { ...payment, nextAttemptTime: after(now, retryDelayOf(payment, terms)) } };
    }
  }
}

/** It is certain that nothing stands charged, and that nothing ever will. */
export function settled(payment: Payment, now: Date): Decision {
  return answered(
    payment.cancelRequested
      ? { ...closed(payment, 'VOIDED'), unknown: 0 }
      : { ...closed(payment, 'FAILED'), failReason: 'UNSETTLED', unknown: 0 },
    now,
  );
}

function isLastTry({ tries }: Payment, { retryDelaysMs }: Terms): boolean {
  return tries > retryDelaysMs.length;
}

/** How long to wait after the latest try. */
function retryDelayOf({ tries }: Payment, { retryDelaysMs }: Terms): number {
  return retryDelaysMs[Math.max(0, tries - 1)] ?? 0;
}

/** How long to wait before a gateway that could not be reached is tried again. */
function outageDelayOf({ retryDelaysMs }: Terms): number {
  return retryDelaysMs[0] ?? 1000;
}

function after(time: Date, ms: number): Date {
  return new Date(time.getTime() + ms);
}
