import type { Logger } from '@orderflow/runtime';

const LOG_INTERVAL_MS = 60_000;

/** How many kinds a line names. All further ones are counted together. */
const MAX_KINDS = 10;

/**
 * Returns a function that counts what happens often, by kind. The first is logged as a warning at once, then at most
 * one line per minute with the numbers since the last.
 */
export function periodicWarning<Kind extends string>(logger: Logger, message: string): (kind: Kind) => void {
  let counts = new Map<string, number>();
  let loggedAt = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;

  function log(): void {
    timer = undefined;
    loggedAt = performance.now();
    logger.warn(Object.fromEntries(counts), message);
    counts = new Map();
  }

  return (kind) => {
    const counted = counts.has(kind) || counts.size < MAX_KINDS ? kind : 'others';
    counts.set(counted, (counts.get(counted) ?? 0) + 1);
    if (timer) return;
    timer = setTimeout(log, Math.max(0, loggedAt + LOG_INTERVAL_MS - performance.now()));
    timer.unref();
  };
}
