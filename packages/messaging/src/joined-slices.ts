import { together } from '@orderflow/runtime';
import type { SetAside } from './dead-letters.ts';
import type { ReceivedRecord } from './received-record.ts';
import type { SliceContext, SliceHandler, SliceResult } from './slice.ts';

/** Slices that are handled as one, at most. */
const MOST_JOINED = 10;

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
  const alone = async ({ records, context }: Slice): Promise<SliceResult> => {
    context.signal.throwIfAborted();
    return (await handle(records, context)) ?? {};
  };
  const jointly = together<Slice, SliceResult>(
    async (slices) => {
      const [{ context } = impossible(), ...others] = slices;
      if (others.length === 0 || others.some((other) => other.context !== context)) {
        return Promise.all(slices.map(alone));
      }
      const result = await alone({ records: slices.flatMap(({ records }) => records), context });
      return result.stopBefore === undefined ? slices.map(shareOf(result)) : Promise.all(slices.map(alone));
    },
    { size: MOST_JOINED, joinMs: 0, aloneAfter: (error) => !isOutage(error) },
  );
  return (records, context) =>
    records.length > sliceSize / MOST_JOINED ? handle(records, context) : jointly({ records, context });
}

/** What a result of several slices says about one of them. */
function shareOf({ setAside = [], ...rest }: SliceResult): (slice: Slice) => SliceResult {
  const byRecord = new Map<ReceivedRecord, SetAside>(setAside.map((one) => [one.record, one]));
  return ({ records }) => ({ ...rest, setAside: records.flatMap((record) => byRecord.get(record) ?? []) });
}

function impossible(): never {
  throw new Error('together asks nobody');
}
