import { coalesce } from '@orderflow/runtime';
import type { ReceivedRecord } from '../received-record.ts';
import type { BatchContext, BatchHandler, BatchResult } from './batch.ts';
import { partitionKey } from './pauses.ts';

/** At most this many batches are merged. */
const MAX_MERGED = 10;

/** Some records of one partition. */
interface Batch {
  readonly records: ReceivedRecord[];
  readonly context: BatchContext;
}

/**
 * Wraps a handler so that small batches of several partitions are handled as one: a fetch returns them at the same
 * time, and one transaction for all costs little more than one for each. When the merged batch fails, or has to be
 * retried, each batch is handled individually. `isOutage`: the error is not caused by the records, so handling them
 * individually would fail too.
 */
export function mergeBatches(
  handle: BatchHandler,
  { isOutage, batchSize }: { readonly isOutage: (error: unknown) => boolean; readonly batchSize: number },
): BatchHandler {
  /** Resolves to undefined where each batch has to be handled individually. */
  const handleMerged = coalesce<Batch, BatchResult | undefined>(
    async (batches) => {
      const individually = batches.map(() => undefined);
      const [first, ...others] = batches;
      if (first === undefined || others.length === 0 || first.context.signal.aborted) return individually;
      if (others.some(({ context }) => context !== first.context)) return individually;
      try {
        const merged = batches.flatMap(({ records }) => records);
        const result = (await handle(merged, first.context)) ?? {};
        return result.retryFrom === undefined ? batches.map(shareOf(result)) : individually;
      } catch (error) {
        if (isOutage(error)) throw error;
        return individually;
      }
    },
    { maxItems: MAX_MERGED, maxWaitMs: 0 },
  );

  return async (records, context) => {
    const isSmall = records.length <= batchSize / MAX_MERGED;
    const share = isSmall ? await handleMerged({ records, context }) : undefined;
    if (share !== undefined) return share;
    context.signal.throwIfAborted();
    return handle(records, context);
  };
}

/** The part of a result of merged batches that belongs to one of them. */
function shareOf({ deadLetters = [], ...rest }: BatchResult): (batch: Batch) => BatchResult {
  const byPartition = Map.groupBy(deadLetters, ({ record, detectedBy = record }) => partitionKey(detectedBy));
  return ({ records: [first] }) => ({
    ...rest,
    deadLetters: (first && byPartition.get(partitionKey(first))) ?? [],
  });
}
