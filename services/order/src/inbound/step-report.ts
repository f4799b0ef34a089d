import { counter, histogram, type Logger, type Meter, metric } from '@orderflow/runtime';
import type { Step } from '../domain/order-step.ts';
import { places } from '../domain/saga.ts';

/** Counts and logs what has happened to orders. Call it once the transaction is over. */
export type StepReport = (steps: readonly Step[]) => void;

/** Where an order's way is measured: how long it took to get there from its creation. */
const milestones: Readonly<Record<string, string>> = {
  CONFIRMED: 'confirmed',
  COMPLETED: 'completed',
  CANCELLED: 'cancelled',
};

/** Reports steps as metrics and log lines. */
export function createStepReport(meter: Meter, logger: Logger, now: () => Date): StepReport {
  const transitions = counter(meter, metric.orderTransitions);
  const latency = histogram(meter, metric.orderLatency);
  return (steps) => {
    for (const { before, after, occurrence, kind, detail } of steps) {
      const { state } = places[after.place];
      const { happening, cause } = occurrence;
      transitions.add(1, { state: state.toLowerCase(), happening });
      const names = { order_id: after.orderId, state, happening, cause };
      if (kind === 'attention') logger.error(names, detail);
      else logger.debug(names, 'order moves on');
      const outcome = milestones[state];
      if (outcome !== undefined && places[before.place].state !== state) {
        latency.record((now().getTime() - after.createTime.getTime()) / 1000, { outcome });
      }
    }
  };
}
