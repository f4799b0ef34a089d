import type { Logger } from '@orderflow/runtime';

const LOG_INTERVAL_MS = 60_000;

/**
 * Returns a function that counts what happens often, by kind. The first is logged as a warning at once, then at most
 * one line per minute with the numbers since the last.
 */
export function periodicWarning<Kind extends string>(logger: Logger, message: string): (kind: Kind) => void {
  let counts: Record<string, number> = {};
  let loggedAt = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;

  function log(): void {
    timer = undefined;
    loggedAt = performance.now();
    logger.warn(counts, message);
    counts = {};
  }

  return (kind) => {
    counts[kind] = (counts[kind] ?? 0) + 1;
    if (timer) return;
    timer = setTimeout(log, Math.max(0, loggedAt + LOG_INTERVAL_MS - performance.now()));
    timer.unref();
  };
}
