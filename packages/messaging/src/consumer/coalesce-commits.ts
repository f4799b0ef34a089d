import { coalesce } from '@orderflow/runtime';
import type { Batch, EachBatchPayload } from 'kafkajs';
import { kafkaErrorType } from '../kafka-error.ts';
import type { Assignment } from './assignment.ts';

/** The offset to commit for a partition, and the assignment under which its records were read. */
export interface PendingCommit {
  readonly payload: Pick<EachBatchPayload, 'commitOffsetsIfNecessary'> & {
    readonly batch: Pick<Batch, 'topic' | 'partition'>;
  };
  readonly assignment: Assignment;
  readonly offset: bigint;
}

/**
 * Commits an offset under the generation it was read in, in one request with others made at the same time. Resolves to
 * false when the partition has been revoked. `onError` is called with the error of a failed request.
 */
export function coalesceCommits(
  onError: (error: unknown) => void,
): (handled: PendingCommit) => Promise<boolean> {
  return coalesce<PendingCommit, boolean>(
    async (handled) => {
      // At most one assignment is current, so one generation is right for all of these.
      const ours = handled.filter(({ assignment }) => assignment.isCurrent());
      const [first] = ours;
      if (first === undefined) return handled.map(() => false);
      try {
        // Not consumer.commitOffsets: while the consumer is stopping, that does nothing and reports nothing.
        await first.payload.commitOffsetsIfNecessary({ topics: byTopic(ours) });
        return handled.map((one) => ours.includes(one));
      } catch (error) {
        onError(error);
        if (!first.assignment.isCurrent() || kafkaErrorType(error) === 'REBALANCE_IN_PROGRESS') {
          return handled.map(() => false);
        }
        // The batch is handled again after a pause, which is harmless.
        throw error;
      }
    },
    // The broker refuses per partition: one of a deleted topic must not have the others handled again.
    { maxItems: Number.POSITIVE_INFINITY, maxWaitMs: 0, retryIndividually: () => true },
  );
}

function byTopic(handled: readonly PendingCommit[]) {
  const grouped = Map.groupBy(handled, ({ payload }) => payload.batch.topic);
  return [...grouped].map(([topic, ofTopic]) => ({
    topic,
    partitions: ofTopic.map(({ payload, offset }) => ({
      partition: payload.batch.partition,
      offset: String(offset),
    })),
  }));
}
