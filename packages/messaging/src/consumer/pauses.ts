import type { Logger } from '@orderflow/runtime';
import { backoffMs } from '../backoff.ts';
import type { ReceivedRecord } from '../received-record.ts';

const MIN_FAILURES = 5;
const MIN_FAILING_MS = 10_000;

/**
 * The partitions that are paused because their next record cannot be handled yet. kafkajs keeps a paused partition
 * paused across assignments too, so whatever is removed here is resumed there.
 */
export interface Pauses {
  /**
   * Pauses until the next attempt, later each time. Logs only the first pause, with the offset of that record. `hold`:
   * stops fetching from the partition and returns a function that resumes it; that may be called more than once.
   */
  pause(
    position: Position,
    reason: { offset: bigint; cause: string; error?: unknown; progressed: boolean },
    hold: () => () => void,
  ): void;
  /** The partition makes progress again. */
  resumed(position: Position): void;
  /** A batch of some partition was handled: the stores work. */
  storesHealthy(): void;
  /**
   * Counts a failure of a record that is alone in its batch, with no other record to compare it with. A failure counts
   * only when a batch of another partition has been handled since the one before: where nothing else succeeds, the
   * record is not to blame. Returns true after 5 counted failures over at least 10 s.
   */
  hasFailedEnough(record: ReceivedRecord): boolean;
  /** Removes partitions that have been revoked, and resumes them in kafkajs: they may be assigned again. */
  retain(isOurs: (position: Position) => boolean): void;
  /** The number of paused partitions of a topic. */
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
  /** Ends the pause, whether its time is over or not. */
  release: () => void;
}

interface SingleRecordFailure extends Position {
  readonly offset: bigint;
  readonly since: number;
  failures: number;
  /** How many batches had been handled when the last failure was counted. */
  healthyBatches: number;
}

export function createPauses(logger: Logger, now: () => number = () => performance.now()): Pauses {
  const pauses = new Map<string, Pause>();
  const singleRecordFailures = new Map<string, SingleRecordFailure>();
  let healthyBatches = 0;

  return {
    pause({ topic, partition }, { offset, cause, error, progressed }, hold) {
      const key = partitionKey({ topic, partition });
      let pause = pauses.get(key);
      if (pause === undefined) {
        pause = { topic, partition, since: now(), attempt: 0, release: () => {} };
        pauses.set(key, pause);
        logger.warn(
          { topic, partition, offset: String(offset), cause, ...(error !== undefined && { err: error }) },
          'partition paused: its next record cannot be handled yet; retrying with backoff',
        );
      }
      if (progressed) pause.attempt = 0;
      pause.release();
      const resume = hold();
      const timer = setTimeout(resume, backoffMs(pause.attempt));
      pause.release = () => {
        clearTimeout(timer);
        resume();
      };
      pause.attempt += 1;
    },
    resumed({ topic, partition }) {
      const key = partitionKey({ topic, partition });
      singleRecordFailures.delete(key);
      const pause = pauses.get(key);
      if (pause === undefined) return;
      pause.release();
      pauses.delete(key);
      const pausedMs = Math.round(now() - pause.since);
      logger.info({ topic, partition, paused_ms: pausedMs }, 'partition resumed');
    },
    storesHealthy() {
      healthyBatches += 1;
    },
    hasFailedEnough({ topic, partition, offset }) {
      const key = partitionKey({ topic, partition });
      const failure = singleRecordFailures.get(key);
      if (failure?.offset !== offset) {
        singleRecordFailures.set(key, {
          topic,
          partition,
          offset,
          since: now(),
          failures: 1,
          healthyBatches,
        });
        return false;
      }
      if (failure.healthyBatches === healthyBatches) return false;
      failure.healthyBatches = healthyBatches;
      failure.failures += 1;
      return failure.failures >= MIN_FAILURES && now() - failure.since >= MIN_FAILING_MS;
    },
    retain(isOurs) {
      for (const [key, pause] of pauses) {
        if (isOurs(pause)) continue;
        pause.release();
        pauses.delete(key);
      }
      for (const [key, failure] of singleRecordFailures)
        if (!isOurs(failure)) singleRecordFailures.delete(key);
    },
    count: (topic) => [...pauses.values()].filter((pause) => pause.topic === topic).length,
  };
}
