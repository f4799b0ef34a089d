import { type BatchHandler, type BatchResult, type ReceivedRecord, readBatch } from '@orderflow/messaging';
import { childOf, counter, crashPoint, type Logger, type Meter, parseTraceparent } from '@orderflow/runtime';
import type { Decision } from '../../domain/reservation.ts';
import { metric } from '../../metrics.ts';
import type { HandleOrderEvents, TracedEvent } from '../../use-cases/handle-order-events.ts';
import { crashPoints } from '../crash-points.ts';
import { readOrderEvent } from './read-order-event.ts';

/** Handles batches of `order-events`: reserves, commits and releases stock. */
export function createOrderEventsHandler(
  handleOrderEvents: HandleOrderEvents,
  logger: Logger,
  meter: Meter,
): BatchHandler {
  const handled = counter(meter, metric.stockEventsHandled);

  return async (records): Promise<BatchResult> => {
    const { events, deadLetters } = readBatch(records, readTraced);
    if (events.length === 0) return { deadLetters, idle: true };

    const decisions = await handleOrderEvents(events.map(({ event }) => event));
    passCrashPoints(decisions);
    for (const [index, { record, event: traced }] of events.entries()) {
      const decision = decisions[index] as Decision;
      if (decision.kind !== 'contradiction') continue;
      const { detail } = decision;
      deadLetters.push({ record, reason: 'CONTRADICTORY_EVENT', detail });
      logger.error(
        { ...namesOf(traced), ce_type: record.headers['ce_type'] },
        `contradictory event: ${detail}; dead-lettered`,
      );
    }
    for (const [outcome, { length }] of Map.groupBy(decisions.map(outcomeOf), (name) => name)) {
      handled.add(length, { outcome });
    }
    return { deadLetters };
  };
}

function readTraced(record: ReceivedRecord): TracedEvent | undefined {
  const event = readOrderEvent(record);
  return event && { event, traceparent: childOf(record.headers['traceparent']) };
}

function outcomeOf(decision: Decision): string {
  return decision.kind === 'applied' ? decision.reservation.state.toLowerCase() : decision.kind;
}

/** The fields that identify an order in log lines. */
function namesOf({ event, traceparent }: TracedEvent) {
  return { order_id: event.orderId, trace_id: parseTraceparent(traceparent)?.traceId };
}

function passCrashPoints(decisions: readonly Decision[]): void {
  const states = decisions.flatMap((each) => (each.kind === 'applied' ? [each.reservation.state] : []));
  for (const state of new Set(states)) crashPoint(crashPoints[state]);
}
