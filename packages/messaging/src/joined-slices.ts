import { together } from '@orderflow/runtime';
import { partitionKey } from './pauses.ts';
import type { ReceivedRecord } from './received-record.ts';
import type { SliceContext, SliceHandler, SliceResult } from './slice.ts';

/** Slices that are handled as one, at most. */
const MOST_JOINED = 10;

/** Some records of one partition. */
interface Slice {
  readonly records: ReceivedRecord[];
  readonly context: SliceContext;
}

/**
 * A handler that takes small slices of several partitions as one: a fetch brings them at the same time, and a
 * transaction for all costs little more than one for each. Where that fails, or cannot be finished, each is handled by
 * itself, as if it had come alone.
 * `isOutage`: the error is nobody's fault, and trying them one by one helps nobody.
 */
export function joinedSlices(
  handle: SliceHandler,
  { isOutage, sliceSize }: { readonly isOutage: (error: unknown) => boolean; readonly sliceSize: number },
): SliceHandler {
  /** Answers with nothing where each has to be handled by itself. */
  const jointly = together<Slice, SliceResult | undefined>(
    async (slices) => {
      const apart = slices.map(() => undefined);
      const [first, ...others] = slices;
      if (first === undefined || others.length === 0 || first.context.signal.aborted) return apart;
      if (others.some(({ context }) => context !== first.context)) return apart;
      try {
        const joined = slices.flatMap(({ records }) => records);
        const result = (await handle(joined, first.context)) ?? {};
        return result.stopBefore === undefined ? slices.map(shareOf(result)) : apart;
      } catch (error) {
        if (isOutage(error)) throw error;
        return apart;
      }
    },
    { size: MOST_JOINED, joinMs: 0 },
  );

  return async (records, context) => {
    const isSmall = records.length <= sliceSize / MOST_JOINED;
    const share = isSmall ? await jointly({ records, context }) : undefined;
    if (share !== undefined) return share;
    context.signal.throwIfAborted();
    return handle(records, context);
  };
}

/** What a result of several slices says about one of them. */
function shareOf({ setAside = [], ...rest }: SliceResult): (slice: Slice) => SliceResult {
  const byPartition = Map.groupBy(setAside, ({ record }) => partitionKey(record));
  return ({ records: [first] }) => ({
    ...rest,
    setAside: (first && byPartition.get(partitionKey(first))) ?? [],
  });
}
