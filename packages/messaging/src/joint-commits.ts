import { together } from '@orderflow/runtime';
import type { Batch, EachBatchPayload } from 'kafkajs';
import { kafkaErrorType } from './kafka-error.ts';
import type { Tenure } from './tenure.ts';

/** A partition's offset after what is handled, and since when the partition is ours. */
export interface Handled {
  readonly payload: Pick<EachBatchPayload, 'commitOffsetsIfNecessary'> & {
    readonly batch: Pick<Batch, 'topic' | 'partition'>;
  };
  readonly tenure: Tenure;
  readonly offset: bigint;
}

/**
 * Commits an offset under the generation it was read in, in one request with others that come in the same moment. False
 * when the partition is not ours any more. `onError` hears why a request failed.
 */
export function jointCommits(onError: (error: unknown) => void): (handled: Handled) => Promise<boolean> {
  return together<Handled, boolean>(
    async (handled) => {
      // No more than one tenure is current, so one generation is right for all of these.
      const ours = handled.filter(({ tenure }) => tenure.isCurrent());
      const [first] = ours;
      if (first === undefined) return handled.map(() => false);
      try {
        // Not consumer.commitOffsets: while the consumer is being stopped that does nothing, and says nothing.
        await first.payload.commitOffsetsIfNecessary({ topics: byTopic(ours) });
        return handled.map((one) => ours.includes(one));
      } catch (error) {
        onError(error);
        if (!first.tenure.isCurrent() || kafkaErrorType(error) === 'REBALANCE_IN_PROGRESS') {
          return handled.map(() => false);
        }
        // The slice is handled again after a pause, which is harmless.
        throw error;
      }
    },
    // The broker refuses partition by partition: one of a deleted topic must not have its neighbours handled again.
    { size: Number.POSITIVE_INFINITY, joinMs: 0, aloneAfter: () => true },
  );
}

function byTopic(handled: readonly Handled[]) {
  const grouped = Map.groupBy(handled, ({ payload }) => payload.batch.topic);
  return [...grouped].map(([topic, ofTopic]) => ({
    topic,
    partitions: ofTopic.map(({ payload, offset }) => ({
      partition: payload.batch.partition,
      offset: String(offset),
    })),
  }));
}
