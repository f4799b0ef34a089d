import { counter, histogram, type Logger, type Meter } from '@orderflow/runtime';
import { sagaStates } from '../domain/saga.ts';
import type { Transition } from '../domain/transition.ts';
import { metric } from '../metrics.ts';

/** Counts and logs transitions of orders. Call it after the commit. */
export type TransitionReport = (transitions: readonly Transition[]) => void;

/** The states for which the time since the creation of the order is measured. */
const milestones: Readonly<Record<string, string>> = {
  CONFIRMED: 'confirmed',
  COMPLETED: 'completed',
  CANCELLED: 'cancelled',
};

/** Reports transitions as metrics and log lines. */
export function createTransitionReport(meter: Meter, logger: Logger, now: () => Date): TransitionReport {
  const transitionCount = counter(meter, metric.orderTransitions);
  const latency = histogram(meter, metric.orderLatency);
  return (transitions) => {
    for (const { before, after, input, kind, detail } of transitions) {
      const { state } = sagaStates[after.sagaState];
      const { kind: inputKind, cause } = input;
      transitionCount.add(1, { state: state.toLowerCase(), input: inputKind });
      const names = { order_id: after.orderId, state, input: inputKind, cause };
      if (kind === 'attention') logger.error(names, detail);
      else logger.debug(names, 'order advanced');
      const outcome = milestones[state];
      const began = after.createTime?.getTime();
      if (outcome !== undefined && began !== undefined && sagaStates[before.sagaState].state !== state) {
        latency.record((now().getTime() - began) / 1000, { outcome });
      }
    }
  };
}
