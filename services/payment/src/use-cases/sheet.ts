import { decide } from '../domain/decide.ts';
import type { Call, Decision, Input, Terms } from '../domain/input.ts';
import type { AnswerKind, Payment } from '../domain/payment.ts';
import type { Changes } from '../ports.ts';

/** What one transaction decides, input by input. */
export interface Sheet {
  apply(orderId: string, input: Input): Decision;
  /** All that has to be written. */
  changes(): Changes;
}

/** A sheet on payments as they are now. */
export function createSheet(payments: ReadonlyMap<string, Payment>, now: Date, terms: Terms): Sheet {
  const current = new Map(payments);
  const calls: { orderId: string; call: Call }[] = [];
  // The same answer is the same event, however often a slice asks for it.
  const answers = new Map<string, { kind: AnswerKind; payment: Payment }>();
  return {
    apply(orderId, input) {
      const decision = decide(current.get(orderId), input, orderId, now, terms);
      const { next, answer, call } = decision;
      if (next !== undefined) current.set(orderId, next);
      if (next !== undefined && answer !== undefined) {
        answers.set(`${orderId}/${answer}`, { kind: answer, payment: next });
      }
      if (call !== undefined) calls.push({ orderId, call });
      return decision;
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
