import { crashPoint, type Logger } from '@orderflow/runtime';
import type { Batch, EachBatchPayload } from 'kafkajs';
import { backoffMs } from '../backoff.ts';
import { isFenced, kafkaErrorType } from '../kafka-error.ts';
import { type Position, partitionKey } from './pauses.ts';

/** How long an offset may wait: after a crash, what was handled in this time is handled again. */
const MAX_WAIT_MS = 250;

/** How far a partition has been handled. */
export interface HandledOffset {
  readonly position: Position;
  readonly payload: Pick<EachBatchPayload, 'commitOffsetsIfNecessary'> & {
    readonly batch: Pick<Batch, 'topic' | 'partition' | 'highWatermark'>;
  };
  /** The first offset that is not handled. */
  readonly next: bigint;
}

/**
 * The commits of one consumer. All offsets that wait go into one request, and one request is in flight at a time, so
 * that no offset of a partition overtakes a later one.
 */
export interface OffsetCommits {
  /**
   * Commits an offset. With `mayWait` it resolves at once, and the commit follows within 250 ms; where the partition's
   * earlier offset is still on its way, or commits fail, it is awaited all the same. Resolves to false when the
   * partition has been revoked. Rejects when the broker does not accept it; it is retried then, as one that waits is.
   */
  commit(handled: HandledOffset, mayWait: boolean): Promise<boolean>;
  /** Commits what waits. Resolves when that has been tried, and never rejects. */
  flush(): Promise<void>;
  /** Drops what waits for a partition whose offset has been reset. */
  forget(position: Position): void;
  /** Drops all that waits: the group has been joined again or left, and kafkajs would commit under that membership. */
  drop(): void;
}

interface Waiting extends HandledOffset {
  isSent?: boolean;
  isCommitted?: boolean;
  error?: unknown;
}

/**
 * Creates the commits of one consumer.
 * @param options.onCommitted called for each offset that the broker has accepted
 * @param options.onError called with the error of each request that failed
 */
export function createOffsetCommits(options: {
  logger: Logger;
  onCommitted: (handled: HandledOffset) => void;
  onError: (error: unknown) => void;
}): OffsetCommits {
  const { logger, onCommitted, onError } = options;
  const waiting = new Map<string, Waiting>();
  let membership = 0;
  let failures = 0;
  let timer: NodeJS.Timeout | undefined;
  let last = Promise.resolve();
  let next: Promise<void> | undefined;

  const isWaiting = (one: Waiting) => waiting.get(partitionKey(one.position)) === one;
  const remove = (one: Waiting) => isWaiting(one) && waiting.delete(partitionKey(one.position));

  function flush(): Promise<void> {
    next ??= last = last.then(async () => {
      // Offsets that come in the same tick go into the same request.
      await new Promise<void>((resolve) => void setImmediate(resolve));
      next = undefined;
      clearTimeout(timer);
      timer = undefined;
      const offsets = [...waiting.values()];
      await request(offsets);
      noteFailure(offsets.find((one) => one.error !== undefined)?.error);
      if (waiting.size > 0) flushIn(failures > 0 ? backoffMs(failures) : MAX_WAIT_MS);
    });
    return next;
  }

  function flushIn(ms: number): void {
    timer ??= setTimeout(() => void flush(), ms);
  }

  async function request(offsets: readonly Waiting[]): Promise<void> {
    const [first] = offsets;
    if (first === undefined) return;
    const sentIn = membership;
    for (const one of offsets) {
      crashPoint('consumer-before-commit');
      one.isSent = true;
      one.error = undefined;
    }
    try {
      // Not consumer.commitOffsets: while the consumer is stopping, that does nothing and reports nothing.
      await first.payload.commitOffsetsIfNecessary({ topics: byTopic(offsets) });
      if (sentIn !== membership) return;
      for (const one of offsets) {
        remove(one);
        one.isCommitted = true;
        onCommitted(one);
      }
    } catch (error) {
      // The error is about an earlier membership, and what waited in it has been dropped.
      if (sentIn !== membership) return;
      onError(error);
      if (isFenced(error) || kafkaErrorType(error) === 'REBALANCE_IN_PROGRESS') {
        for (const one of offsets) remove(one);
      } else if (offsets.length === 1) {
        first.error = error;
      } else {
        // The broker refuses per partition: one of a deleted topic must not hold back the others.
        await Promise.all(offsets.filter(isWaiting).map((one) => request([one])));
      }
    }
  }

  function noteFailure(error: unknown): void {
    if (error === undefined) {
      if (failures > 0) logger.info('handled offsets are committed again');
      failures = 0;
      return;
    }
    if (failures === 0)
      logger.warn({ err: error }, 'handled offsets cannot be committed; retrying with backoff');
    failures += 1;
  }

  return {
    async commit(handled, mayWait) {
      const one: Waiting = { ...handled };
      const key = partitionKey(handled.position);
      const earlier = waiting.get(key);
      waiting.set(key, one);
      if (mayWait && failures === 0 && earlier?.isSent !== true) {
        flushIn(MAX_WAIT_MS);
        return true;
      }
      await flush();
      // The batch is handled again after a pause, which is harmless.
      if (one.error !== undefined) throw one.error;
      return one.isCommitted === true;
    },
    flush,
    forget: (position) => void waiting.delete(partitionKey(position)),
    drop() {
      if (failures > 0)
        logger.info(
          'the membership ended before handled offsets could be committed; their records come again',
        );
      membership += 1;
      waiting.clear();
      clearTimeout(timer);
      timer = undefined;
      failures = 0;
    },
  };
}

function byTopic(offsets: readonly HandledOffset[]) {
  const grouped = Map.groupBy(offsets, ({ payload }) => payload.batch.topic);
  return [...grouped].map(([topic, ofTopic]) => ({
    topic,
    partitions: ofTopic.map(({ payload, next }) => ({
      partition: payload.batch.partition,
      offset: String(next),
    })),
  }));
}
