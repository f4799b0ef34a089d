import type { Decision, Input, Terms } from '../domain/input.ts';
import type { PaymentRecord } from '../domain/payable.ts';
import type { PaymentTransaction } from '../ports.ts';
import { createUnitOfWork, type DueCall } from './unit-of-work.ts';

/** The inputs of an event for the payment of its order. */
export interface EventInputs {
  readonly orderId: string;
  readonly inputs: readonly Input[];
  /** The trace of the replies. */
  readonly traceparent: string;
}

/** The result of a batch of events. */
export interface AppliedEvents {
  /** For each event why the rules do not allow it; undefined where they do. */
  readonly contradictions: readonly (string | undefined)[];
  /** For each event the earlier ones that it shows to be contradictory. */
  readonly refused: readonly (readonly NonNullable<Decision['refused']>[])[];
  /** The calls to make now. */
  readonly calls: readonly DueCall[];
  /** Whether more calls are due. */
  readonly due: boolean;
}

/**
 * Applies events to the payments of their orders, one after the other. Idempotent. Up to `permits` calls that become due
 * are stored in the same transaction, instead of in one of their own.
 */
export async function applyEvents(
  {
    transaction,
    terms,
    now,
    permits,
  }: {
    readonly transaction: PaymentTransaction;
    readonly terms: Terms;
    readonly now: Date;
    readonly permits: number;
  },
  events: readonly EventInputs[],
): Promise<AppliedEvents> {
  const orderIds = [...new Set(events.map(({ orderId }) => orderId))];
  const [waiting, payments] = await Promise.all([
    transaction.lockWaiting(orderIds),
    transaction.lock(orderIds),
  ]);
  const unitOfWork = createUnitOfWork(new Map<string, PaymentRecord>([...waiting, ...payments]), now, terms);
  const decisions = events.map(({ orderId, inputs }) =>
    inputs.map((input) => unitOfWork.apply(orderId, input)),
  );
  const calls: DueCall[] = [];
  for (const orderId of orderIds) {
    if (calls.length >= permits) break;
    const due = unitOfWork.callFor(orderId);
    if (due !== undefined) calls.push(due);
  }
  const changes = unitOfWork.changes();
  const traces = new Map(events.map(({ orderId, traceparent }) => [orderId, traceparent]));
  transaction.save(changes, now, traces);
  const isCalled = new Set(calls.map(({ payment }) => payment.orderId));
  const due = [...changes.created, ...changes.changed].some(
    ({ orderId, nextAttemptTime }) => nextAttemptTime !== undefined && !isCalled.has(orderId),
  );
  return {
    contradictions: decisions.map((ofEvent) => ofEvent.find(isContradictory)?.contradiction),
    refused: decisions.map((ofEvent) => ofEvent.flatMap(({ refused }) => refused ?? [])),
    calls,
    due,
  };
}

function isContradictory({ contradiction }: Decision): boolean {
  return contradiction !== undefined;
}
