import type { Input, Terms } from '../domain/input.ts';
import type { PaymentTransaction } from '../ports.ts';
import { createSheet } from './sheet.ts';

/** What an event means to the payment of its order. */
export interface OrderEvent {
  readonly orderId: string;
  readonly inputs: readonly Input[];
  /** The trace that goes on with the answers. */
  readonly traceparent: string;
}

/** What came of a slice of events. */
export interface EventsTaken {
  /** For each event why it cannot be, by the rules; undefined where it can. */
  readonly contradictions: readonly (string | undefined)[];
  /** Whether there is something to ask the gateway. */
  readonly due: boolean;
}

/** Applies events to the payments of their orders, one after the other. Repeats change nothing. */
export async function takeEvents(
  {
    transaction,
    terms,
    now,
  }: { readonly transaction: PaymentTransaction; readonly terms: Terms; readonly now: Date },
  events: readonly OrderEvent[],
): Promise<EventsTaken> {
  const orderIds = [...new Set(events.map(({ orderId }) => orderId))];
  const sheet = createSheet(await transaction.lock(orderIds), now, terms);
  const contradictions = events.map(({ orderId, inputs }) =>
    inputs.map((input) => sheet.apply(orderId, input).contradiction).find((found) => found !== undefined),
  );
  const changes = sheet.changes();
  const traces = new Map(events.map(({ orderId, traceparent }) => [orderId, traceparent]));
  await transaction.save(changes, now, traces);
  const touched = [...changes.created, ...changes.changed];
  return { contradictions, due: touched.some(({ nextAttemptTime }) => nextAttemptTime !== undefined) };
}
