import type { Input, Terms } from '../domain/input.ts';
import type { PaymentTransaction } from '../ports.ts';
import { createSheet, type DueCall } from './sheet.ts';

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
  /** The calls to make now. */
  readonly calls: readonly DueCall[];
  /** Whether there is more to ask the gateway. */
  readonly due: boolean;
}

/**
 * Applies events to the payments of their orders, one after the other. Repeats change nothing. Up to `room` calls that
 * become due are written down along with them, instead of in a transaction of their own.
 */
export async function takeEvents(
  {
    transaction,
    terms,
    now,
    room,
  }: {
    readonly transaction: PaymentTransaction;
    readonly terms: Terms;
    readonly now: Date;
    readonly room: number;
  },
  events: readonly OrderEvent[],
): Promise<EventsTaken> {
  const orderIds = [...new Set(events.map(({ orderId }) => orderId))];
  const sheet = createSheet(await transaction.lock(orderIds), now, terms);
  const contradictions = events.map(({ orderId, inputs }) =>
    inputs.map((input) => sheet.apply(orderId, input).contradiction).find((found) => found !== undefined),
  );
  const calls: DueCall[] = [];
  for (const orderId of orderIds) {
    if (calls.length >= room) break;
    const due = sheet.callFor(orderId);
    if (due !== undefined) calls.push(due);
  }
  const changes = sheet.changes();
  const traces = new Map(events.map(({ orderId, traceparent }) => [orderId, traceparent]));
  await transaction.save(changes, now, traces);
  const isCalled = new Set(calls.map(({ payment }) => payment.orderId));
  const due = [...changes.created, ...changes.changed].some(
    ({ orderId, nextAttemptTime }) => nextAttemptTime !== undefined && !isCalled.has(orderId),
  );
  return { contradictions, calls, due };
}
