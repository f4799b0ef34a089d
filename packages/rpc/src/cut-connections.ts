import { counter, type Logger, type Meter } from '@orderflow/runtime';
import type { CutConnection } from './connections.ts';
import { metric } from './metrics.ts';

const LOG_INTERVAL_MS = 60_000;

/** Counts the connections that a limit closed; the first is logged at once, then at most one line per minute. */
export function reportCuts(logger: Logger, meter: Meter | undefined): (how: CutConnection) => void {
  const cuts = meter && counter(meter, metric.rpcConnectionsCut);
  const counts: Record<CutConnection, number> = { refused: 0, refused_address: 0, yielded: 0 };
  let loggedAt = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;

  function log(): void {
    timer = undefined;
    loggedAt = performance.now();
    logger.warn(
      { ...counts },
      'too many connections: some were refused, or closed while idle; see docs/operations.md',
    );
    counts.refused = counts.refused_address = counts.yielded = 0;
  }

  return (how) => {
    cuts?.add(1, { outcome: how });
    counts[how]++;
    if (timer) return;
    timer = setTimeout(log, Math.max(0, loggedAt + LOG_INTERVAL_MS - performance.now()));
    timer.unref();
  };
}
