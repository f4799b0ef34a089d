import { type BatchHandler, readBatch } from '@orderflow/messaging';
import type { OrderProgress } from '../../ports.ts';
import { readProgress } from './read-progress.ts';

/** Handles batches of `order-events`: updates the progress of the order documents. */
export function createOrderEventsHandler(progress: OrderProgress): BatchHandler {
  return async (records) => {
    const { events, deadLetters } = readBatch(records, readProgress);
    const written = events.length > 0 ? await progress.advance(events.map(({ event }) => event)) : 0;
    return { deadLetters, idle: written === 0 };
  };
}
