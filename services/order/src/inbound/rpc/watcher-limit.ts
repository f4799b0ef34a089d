import type { HandlerContext } from '@connectrpc/connect';
import { RetryInfoSchema } from '@orderflow/contracts/google/rpc/error_details';
import { Role } from '@orderflow/contracts/orderflow/access/v1/access';
import { callerKey, customerOf, errorsOf } from '@orderflow/rpc';
import { type Logger, type Meter, observableGauge } from '@orderflow/runtime';
import { metric } from '../../metrics.ts';
import { errorReasons } from './error-reasons.ts';

/** A page needs one. Services watch for all of their users, and have no limit of their own. */
const MAX_PER_CALLER = 100;
const RETRY_SECONDS = 5n;
const WARN_INTERVAL_MS = 60_000;

const errorOf = errorsOf(errorReasons);

/** Counts the watches of a process that are open, and refuses those that are too many. */
export interface WatcherLimit {
  /**
   * Counts a watch until it is disposed of.
   * @throws TOO_MANY_WATCHERS
   */
  enter(context: HandlerContext): Disposable;
}

/** Creates the limit: of all watches, and of those of each customer, with whatever token, and each operator. */
export function createWatcherLimit(maxWatchers: number, logger: Logger, meter: Meter): WatcherLimit {
  const byCaller = new Map<string, number>();
  let open = 0;
  let warnedAt = Number.NEGATIVE_INFINITY;
  observableGauge(meter, metric.watchers).addCallback((result) => result.observe(open));

  function refuse(limit: number, text: string) {
    const details = [{ desc: RetryInfoSchema, value: { retryDelay: { seconds: RETRY_SECONDS } } }];
    return errorOf('TOO_MANY_WATCHERS', text, { limit: String(limit) }, details);
  }

  function warn(): void {
    if (performance.now() - warnedAt < WARN_INTERVAL_MS) return;
    warnedAt = performance.now();
    logger.warn({ max_watchers: maxWatchers }, 'watches are refused: MAX_WATCHERS are open');
  }

  return {
    enter(context) {
      if (open >= maxWatchers) {
        warn();
        throw refuse(maxWatchers, `this process has ${maxWatchers} watches open, as many as are allowed`);
      }
      const caller = callerOf(context);
      const own = (caller !== undefined && byCaller.get(caller)) || 0;
      if (own >= MAX_PER_CALLER) throw refuse(MAX_PER_CALLER, `you have ${own} watches open here already`);
      open++;
      if (caller !== undefined) byCaller.set(caller, own + 1);
      return {
        [Symbol.dispose]() {
          open--;
          if (caller === undefined) return;
          const left = (byCaller.get(caller) ?? 0) - 1;
          if (left > 0) byCaller.set(caller, left);
          else byCaller.delete(caller);
        },
      };
    },
  };
}

/** Whose watches are counted together; undefined where no tokens are required, and for services. */
function callerOf(context: HandlerContext): string | undefined {
  const customer = customerOf(context);
  if (customer !== undefined) return `customer ${customer}`;
  const caller = context.values.get(callerKey);
  return caller === undefined || caller.roles.has(Role.SERVICE) ? undefined : caller.id;
}
