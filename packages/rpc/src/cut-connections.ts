import { counter, type Logger, type Meter } from '@orderflow/runtime';
import type { CutConnection } from './connections.ts';
import { metric } from './metrics.ts';
import { periodicWarning } from './periodic-warning.ts';

/** Counts and reports the connections that a limit closed. */
export function reportCuts(logger: Logger, meter: Meter | undefined): (how: CutConnection) => void {
  const cuts = meter && counter(meter, metric.rpcConnectionsCut);
  const warn = periodicWarning<CutConnection>(
    logger,
    'too many connections: some were refused, or closed while idle; see docs/operations.md',
  );
  return (how) => {
    cuts?.add(1, { outcome: how });
    warn(how);
  };
}
