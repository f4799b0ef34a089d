import type { Logger } from '@orderflow/runtime';
import { backoffMs } from './backoff.ts';
import type { ReceivedRecord } from './received-record.ts';

const LONE_FAILURES = 5;
const LONE_FAILING_MS = 10_000;

/** The partitions that wait because their next record cannot be handled yet. Keys are `partitionKey`s. */
export interface Pauses {
  /** Pauses until the next try, later each time. Logs the first time only. */
  pause(
    position: Position,
    reason: { cause: string; error?: unknown; progressed: boolean },
    hold: () => () => void,
  ): void;
  /** The partition gets on again. */
  over(position: Position): void;
  /** A slice of some partition was handled: the stores are well. */
  proven(): void;
  /**
   * Counts a failure of a record that is alone in its slice, with no neighbour to compare it with. A failure counts
   * only when a slice of another partition has been handled since the one before: where nothing else succeeds, it is
   * not the record. True once 5 have counted over at least 10 s.
   */
  hasFailedEnough(record: ReceivedRecord): boolean;
  /** Forgets partitions that are not ours any more. */
  retain(isOurs: (position: Position) => boolean): void;
  /** How many partitions of a topic wait. */
  count(topic: string): number;
}

export interface Position {
  readonly topic: string;
  readonly partition: number;
}

export function partitionKey({ topic, partition }: Position): string {
  return `${topic}/${partition}`;
}

interface Pause extends Position {
  readonly since: number;
  attempt: number;
  timer: NodeJS.Timeout | undefined;
}

interface LoneFailure extends Position {
  readonly offset: bigint;
  readonly since: number;
  failures: number;
  /** How many slices had been handled when the last of them was counted. */
  proofs: number;
}

export function createPauses(logger: Logger, now: () => number = () => performance.now()): Pauses {
  const pauses = new Map<string, Pause>();
  const loneFailures = new Map<string, LoneFailure>();
  let proofs = 0;

  return {
    pause({ topic, partition }, { cause, error, progressed }, hold) {
      const key = partitionKey({ topic, partition });
      let pause = pauses.get(key);
      if (pause === undefined) {
        pause = { topic, partition, since: now(), attempt: 0, timer: undefined };
        pauses.set(key, pause);
        logger.warn(
          { topic, partition, cause, ...(error !== undefined && { err: error }) },
          'partition pauses: its next record cannot be handled yet; trying again until it can',
        );
      }
      if (progressed) pause.attempt = 0;
      clearTimeout(pause.timer);
      pause.timer = setTimeout(hold(), backoffMs(pause.attempt));
      pause.attempt += 1;
    },
    over({ topic, partition }) {
      const key = partitionKey({ topic, partition });
      loneFailures.delete(key);
      const pause = pauses.get(key);
      if (pause === undefined) return;
      clearTimeout(pause.timer);
      pauses.delete(key);
      const pausedMs = Math.round(now() - pause.since);
      logger.info({ topic, partition, paused_ms: pausedMs }, 'partition goes on');
    },
    proven() {
      proofs += 1;
    },
    hasFailedEnough({ topic, partition, offset }) {
      const key = partitionKey({ topic, partition });
      const failure = loneFailures.get(key);
      if (failure?.offset !== offset) {
        loneFailures.set(key, { topic, partition, offset, since: now(), failures: 1, proofs });
        return false;
      }
      if (failure.proofs === proofs) return false;
      failure.proofs = proofs;
      failure.failures += 1;
      return failure.failures >= LONE_FAILURES && now() - failure.since >= LONE_FAILING_MS;
    },
    retain(isOurs) {
      for (const [key, pause] of pauses) {
        if (isOurs(pause)) continue;
        clearTimeout(pause.timer);
        pauses.delete(key);
      }
      for (const [key, failure] of loneFailures) if (!isOurs(failure)) loneFailures.delete(key);
    },
    count: (topic) => [...pauses.values()].filter((pause) => pause.topic === topic).length,
  };
}
