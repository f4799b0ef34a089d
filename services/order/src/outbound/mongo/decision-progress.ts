import type { Progress, TimelineEntry } from './order-collection.ts';
import { toProgress } from './order-progress.ts';
import type { OrderDocument } from './to-document.ts';

type Decision = Pick<OrderDocument, 'outcome' | 'decide_time'>;

/** The progress right after the decision. The view role does not write this event. */
export function progressOf({ outcome, decide_time }: Decision): Progress {
  const payment = outcome === 'ACCEPTED' ? ({ state: 'AWAITED', transactionId: '' } as const) : undefined;
  return toProgress({ version: 1, state: outcome, payment, cancelReason: undefined, time: decide_time });
}

/** The first entry of the timeline: a decision is the first event of its order. */
export function entryOf({ outcome, decide_time }: Decision): TimelineEntry {
  const event = outcome === 'ACCEPTED' ? 'OrderAccepted' : 'OrderRejected';
  return { event, state: outcome, time: decide_time };
}

/** A document as it is first inserted. */
export function withProgress(document: OrderDocument) {
  return { ...document, progress: progressOf(document), timeline: { 1: entryOf(document) } };
}
