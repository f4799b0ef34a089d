import { decide } from '../domain/decide.ts';
import type { Call, Decision, Input, Terms } from '../domain/input.ts';
import type { PaymentRecord, Waiting } from '../domain/payable.ts';
import type { DuePayment, Payment, RepliedPayment } from '../domain/payment.ts';
import type { Changes } from '../ports.ts';

/** A call that is stored with the transaction, and has to be made after it. */
export interface DueCall {
  readonly payment: DuePayment;
  readonly call: Call;
}

/** Collects the decisions of one transaction, input by input. */
export interface UnitOfWork {
  apply(orderId: string, input: Input): Decision;
  /** The due call for the payment of an order; undefined when there is none. */
  callFor(orderId: string): DueCall | undefined;
  /** All changes to write. */
  changes(): Changes;
}

/** Creates a unit of work on the loaded payments. */
export function createUnitOfWork(
  known: ReadonlyMap<string, PaymentRecord>,
  now: Date,
  terms: Terms,
): UnitOfWork {
  const current = new Map(known);
  const calls: { orderId: string; call: Call }[] = [];
  // The same reply is one event, however often a batch asks for it.
  const replies = new Map<string, RepliedPayment>();

  function apply(orderId: string, input: Input): Decision {
    const decision = decide(current.get(orderId), input, orderId, now, terms);
    const { next, reply, call } = decision;
    if (next !== undefined) current.set(orderId, next);
    if (reply !== undefined && isPayment(next) && next.nextAttemptTime === undefined) {
      replies.set(`${orderId}/${reply}`, next);
    }
    if (call !== undefined) calls.push({ orderId, call });
    return decision;
  }

  return {
    apply,
    callFor(orderId) {
      const { next, call } = apply(orderId, { kind: 'due' });
      const isDue = isPayment(next) && next.nextAttemptTime !== undefined;
      return isDue && call !== undefined ? { payment: next, call } : undefined;
    },
    changes() {
      const touched = [...current.values()].filter((each) => known.get(each.orderId) !== each);
      const payments = touched.filter(isPayment);
      const wasWaiting = new Set([...known.values()].filter(isWaiting).map(({ orderId }) => orderId));
      return {
        created: payments.filter(({ orderId }) => !isPayment(known.get(orderId))),
        changed: payments.filter(({ orderId }) => isPayment(known.get(orderId))),
        waiting: touched.filter(isWaiting),
        endedWaiting: touched.map(({ orderId }) => orderId).filter((orderId) => wasWaiting.has(orderId)),
        calls,
        replies: [...replies.values()],
      };
    },
  };
}

function isPayment(known: PaymentRecord | undefined): known is Payment {
  return known !== undefined && !isWaiting(known);
}

function isWaiting(known: PaymentRecord): known is Waiting {
  return known.state === 'WAITING';
}
