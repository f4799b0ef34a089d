import { counter, type Logger, type Meter } from '@orderflow/runtime';
import type { Call, Outcome } from '../domain/input.ts';
import type { DuePayment } from '../domain/payment.ts';
import { metric } from '../metrics.ts';

/** Counts and logs calls to the gateway. */
export interface CallLog {
  called(payment: DuePayment, call: Call, outcome: Outcome): void;
  /** The gateway has become unavailable, or available again. */
  reachabilityChanged(outcome: Outcome): void;
}

export function createCallLog({
  logger,
  meter,
}: {
  readonly logger: Logger;
  readonly meter: Meter;
}): CallLog {
  const calls = counter(meter, metric.gatewayCalls);
  return {
    called({ orderId, problem }, call, outcome) {
      calls.add(1, { kind: call.kind.toLowerCase(), outcome: outcome.kind });
      const line = { order_id: orderId, key: call.key, call: call.kind, outcome: outcome.kind };
      if (outcome.kind === 'unknown') {
        logger.warn(
          { ...line, detail: outcome.detail },
          'outcome of a gateway call is unknown; it will be repeated',
        );
      } else if (outcome.kind === 'refused' && problem === undefined) {
        // Logged once: it stays refused until an operator has fixed it.
        logger.error(
          { ...line, detail: outcome.detail },
          'the gateway refuses to undo a charge; retrying at a longer interval',
        );
      } else {
        logger.debug(line, 'gateway called');
      }
    },
    reachabilityChanged(outcome) {
      if (outcome.kind === 'unreachable') {
        const { detail } = outcome;
        logger.warn({ detail }, 'gateway unavailable: payments wait, and no attempt is used up');
      } else {
        logger.info('gateway is available again');
      }
    },
  };
}
