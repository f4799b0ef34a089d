import { decide } from '../domain/decide.ts';
import type { Call, Decision, Input, Terms } from '../domain/input.ts';
import type { AnswerKind, Payment } from '../domain/payment.ts';
import type { Changes } from '../ports.ts';

/** A call that is written down with the transaction, and has to be made after it. */
export interface DueCall {
  readonly payment: Payment;
  readonly call: Call;
}

/** What one transaction decides, input by input. */
export interface Sheet {
  apply(orderId: string, input: Input): Decision;
  /** The call that is due for the payment of an order; undefined when there is none. */
  callFor(orderId: string): DueCall | undefined;
  /** All that has to be written. */
  changes(): Changes;
}

/** A sheet on payments as they are now. */
export function createSheet(payments: ReadonlyMap<string, Payment>, now: Date, terms: Terms): Sheet {
  const current = new Map(payments);
  const calls: { orderId: string; call: Call }[] = [];
  // The same answer is the same event, however often a slice asks for it.
  const answers = new Map<string, { kind: AnswerKind; payment: Payment }>();

  function apply(orderId: string, input: Input): Decision {
    const decision = decide(current.get(orderId), input, orderId, now, terms);
    const { next, answer, call } = decision;
    if (next !== undefined) current.set(orderId, next);
    if (next !== undefined && answer !== undefined) {
      answers.set(`${orderId}/${answer}`, { kind: answer, payment: next });
    }
    if (call !== undefined) calls.push({ orderId, call });
    return decision;
  }

  return {
    apply,
    callFor(orderId) {
      const { next, call } = apply(orderId, { kind: 'due' });
      return next === undefined || call === undefined ? undefined : { payment: next, call };
    },
    changes() {
      const touched = [...current.values()].filter((payment) => payments.get(payment.orderId) !== payment);
      return {
        created: touched.filter(({ orderId }) => !payments.has(orderId)),
        changed: touched.filter(({ orderId }) => payments.has(orderId)),
        calls,
        answers: [...answers.values()],
      };
    },
  };
}
