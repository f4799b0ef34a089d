import type { OutboxMessage } from '@orderflow/messaging';
import { type Decision, decisionInput } from '../../domain/decision.ts';
import {
  applyInput,
  isTransition,
  type Limits,
  type SagaOrder,
  type Transition,
} from '../../domain/transition.ts';
import type { Candidate } from '../../ports.ts';
import { decisionEvent } from '../kafka/order-event.ts';
import type { TimedTransition } from './transition-rows.ts';

/** A candidate that has a decision. */
export type DecidingCandidate = Candidate & { readonly decision: Decision };

/** Whether a candidate has a decision. */
export function hasDecision(candidate: Candidate | undefined): candidate is DecidingCandidate {
  return candidate?.decision !== undefined;
}

/** A transition by the decision of a candidate. */
export interface DecisionTransition extends Transition {
  readonly candidate: DecidingCandidate;
}

/** Such a transition with its time, and the decided order if the order is decided. */
export type TimedDecision = DecisionTransition & TimedTransition;

/** Applies a candidate's decision to an undecided order. */
export function applyDecision(
  order: SagaOrder,
  candidate: DecidingCandidate,
  limits: Limits,
): DecisionTransition {
  const { orderId, cause, traceparent, decision } = candidate;
  const result = applyInput(order, { orderId, cause, traceparent, ...decisionInput(decision) }, limits);
  if (!isTransition(result))
    throw new Error('the saga table does not allow a decision of an undecided order');
  return { ...result, candidate };
}

/** Sets the time of a transition, in milliseconds since 1970: an order is decided at that time. */
export function timed(transition: DecisionTransition, milliseconds: number): TimedDecision {
  const time = new Date(milliseconds);
  const { decision } = transition.candidate;
  const enrichedOrder = 'invalid' in decision ? undefined : { ...decision, decideTime: time };
  return { ...transition, time, enrichedOrder };
}

/** Returns the event of a decision; none where the order is not decided. */
export function toEvents({ enrichedOrder, after, input }: TimedDecision): OutboxMessage[] {
  if (enrichedOrder === undefined) return [];
  return [decisionEvent(enrichedOrder, { version: after.version, traceparent: input.traceparent })];
}
