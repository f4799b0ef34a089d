import type { SetAside, SliceHandler } from '@orderflow/messaging';
import type { OrderProgress, ProgressStep } from '../../ports.ts';
import { readProgress } from './read-progress.ts';

/** Handles slices of `order-events`: the progress of the order documents follows. */
export function createOrderEventsHandler(progress: OrderProgress): SliceHandler {
  return async (records) => {
    const setAside: SetAside[] = [];
    const advance: ProgressStep[] = [];
    for (const record of records) {
      try {
        const step = readProgress(record);
        if (step !== undefined) advance.push(step);
      } catch (error) {
        setAside.push({ record, reason: 'MALFORMED_PROTOBUF', detail: String(error) });
      }
    }
    const written = advance.length > 0 ? await progress.advance(advance) : 0;
    return { setAside, idle: written === 0 };
  };
}
