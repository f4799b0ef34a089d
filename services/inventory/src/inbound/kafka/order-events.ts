import type { ReceivedRecord, SetAside, SliceHandler, SliceResult } from '@orderflow/messaging';
import {
  childOf,
  counter,
  crashPoint,
  type Logger,
  type Meter,
  metric,
  parseTraceparent,
} from '@orderflow/runtime';
import type { Decision } from '../../domain/reservation.ts';
import type { HandleOrderEvents, TracedEvent } from '../../use-cases/handle-order-events.ts';
import { crashPoints } from '../crash-points.ts';
import { readOrderEvent } from './read-order-event.ts';

/** Handles slices of `order-events`: stock is reserved, committed, released. */
export function createOrderEventsHandler(
  handleOrderEvents: HandleOrderEvents,
  logger: Logger,
  meter: Meter,
): SliceHandler {
  const handled = counter(meter, metric.stockEventsHandled);

  return async (records): Promise<SliceResult> => {
    const setAside: SetAside[] = [];
    const read: { record: ReceivedRecord; traced: TracedEvent }[] = [];
    for (const record of records) {
      try {
        const event = readOrderEvent(record);
        if (event === undefined) continue;
        read.push({ record, traced: { event, traceparent: childOf(record.headers['traceparent']) } });
      } catch (error) {
        setAside.push({ record, reason: 'MALFORMED_PROTOBUF', detail: String(error) });
      }
    }
    if (read.length === 0) return { setAside, idle: true };

    const decisions = await handleOrderEvents(read.map(({ traced }) => traced));
    passCrashPoints(decisions);
    for (const [index, { record, traced }] of read.entries()) {
      const decision = decisions[index] as Decision;
      if (decision.kind !== 'contradictory') continue;
      const { detail } = decision;
      setAside.push({ record, reason: 'CONTRADICTORY_EVENT', detail });
      logger.error({ ...namesOf(traced), ce_type: record.headers['ce_type'] }, `cannot be: ${detail}`);
    }
    for (const [outcome, { length }] of Map.groupBy(decisions.map(outcomeOf), (name) => name)) {
      handled.add(length, { outcome });
    }
    return { setAside };
  };
}

function outcomeOf(decision: Decision): string {
  return decision.kind === 'applied' ? decision.reservation.state.toLowerCase() : decision.kind;
}

/** What a log line about an order is found by. */
function namesOf({ event, traceparent }: TracedEvent) {
  return { order_id: event.orderId, trace_id: parseTraceparent(traceparent)?.traceId };
}

function passCrashPoints(decisions: readonly Decision[]): void {
  const states = decisions.flatMap((each) => (each.kind === 'applied' ? [each.reservation.state] : []));
  for (const state of new Set(states)) crashPoint(crashPoints[state]);
}
