import type { BatchContext } from './batch.ts';

/**
 * The period in which this process owns the partitions it was assigned. kafkajs does not tell a running handler that
 * its partitions were revoked, and would commit for it under the next assignment: so each batch remembers the
 * assignment it began in.
 */
export interface Assignment extends BatchContext {
  /** A rebalance has begun: finish what is in flight, begin nothing. */
  readonly ending: boolean;
}

export interface Assignments {
  readonly current: Assignment;
  /** The group has been joined: a new assignment begins. */
  joined(): void;
  /** The coordinator has responded to a heartbeat that was sent at this time (`Date.now()`). */
  confirmed(sentAt: number): void;
  /** The coordinator has announced a rebalance. */
  ending(): void;
  /** The partitions belong to another member, or may. */
  lost(): void;
}

/**
 * @param sessionTimeoutMs after this long without a successful heartbeat the coordinator may have reassigned the
 *   partitions. Measured with the wall clock, so that it has passed at once for a process that was frozen.
 */
export function createAssignments(sessionTimeoutMs: number, now: () => number = Date.now): Assignments {
  let confirmedAt = Number.NEGATIVE_INFINITY;

  function begin() {
    const controller = new AbortController();
    const assignment = {
      ending: false,
      signal: controller.signal,
      isCurrent() {
        if (!controller.signal.aborted && now() - confirmedAt > sessionTimeoutMs) controller.abort();
        return !controller.signal.aborted;
      },
    };
    return { assignment, end: () => controller.abort() };
  }

  let latest = begin();
  latest.end();

  return {
    get current() {
      return latest.assignment;
    },
    joined() {
      latest.end();
      confirmedAt = now();
      latest = begin();
    },
    confirmed(sentAt) {
      confirmedAt = Math.max(confirmedAt, sentAt);
      // This consumer is still a member. Batches that were notified otherwise stay lost; new ones may begin.
      if (!latest.assignment.isCurrent()) latest = begin();
    },
    ending() {
      latest.assignment.ending = true;
    },
    lost() {
      latest.end();
    },
  };
}
