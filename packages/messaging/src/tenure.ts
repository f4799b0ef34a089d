import type { SliceContext } from './slice.ts';

/**
 * The time in which this process may work on the partitions it was assigned. kafkajs does not tell a running handler
 * that its partitions are gone, and would commit for it under the next assignment: so each piece of work remembers
 * the tenure it began in.
 */
export interface Tenure extends SliceContext {
  /** The group has begun to share out its partitions anew: finish what is running, begin nothing. */
  readonly ending: boolean;
}

export interface Tenures {
  readonly current: Tenure;
  /** The group has been joined: a new tenure begins. */
  joined(): void;
  /** The coordinator has answered a heartbeat that was sent at this time (`Date.now()`). */
  confirmed(sentAt: number): void;
  /** The coordinator has announced a rebalance. */
  ending(): void;
  /** The partitions are somebody else's, or may be. */
  lost(): void;
}

/**
 * @param sessionTimeoutMs after this long without an answered heartbeat the coordinator may have given the partitions
 *   away. Measured by the clock on the wall, so it has passed at once for a process that was frozen.
 */
export function createTenures(sessionTimeoutMs: number, now: () => number = Date.now): Tenures {
  let confirmedAt = Number.NEGATIVE_INFINITY;

  function begin() {
    const controller = new AbortController();
    const tenure = {
      ending: false,
      signal: controller.signal,
      isCurrent() {
        if (!controller.signal.aborted && now() - confirmedAt > sessionTimeoutMs) controller.abort();
        return !controller.signal.aborted;
      },
    };
    return { tenure, end: () => controller.abort() };
  }

  let latest = begin();
  latest.end();

  return {
    get current() {
      return latest.tenure;
    },
    joined() {
      latest.end();
      confirmedAt = now();
      latest = begin();
    },
    confirmed(sentAt) {
      confirmedAt = Math.max(confirmedAt, sentAt);
      // We are still a member after all. Work that has been told otherwise stays lost; what comes next is ours.
      if (!latest.tenure.isCurrent()) latest = begin();
    },
    ending() {
      latest.tenure.ending = true;
    },
    lost() {
      latest.end();
    },
  };
}
