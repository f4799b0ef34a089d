import type { BatchHandler, BatchResult, DeadLetter, ReceivedRecord } from '@orderflow/messaging';
import { counter, type Logger, type Meter, parseTraceparent } from '@orderflow/runtime';
import { readSubmission } from '../../codec/read-submission.ts';
import { metric } from '../../metrics.ts';
import type { DecideOrders, Outcome, ReceivedOrder } from '../../use-cases/decide-orders.ts';
import { traceOf } from './trace.ts';

/** Handles batches of the topic `orders`: decides readable records and dead-letters the others. */
export function createOrderRecordsHandler(
  decideOrders: DecideOrders,
  logger: Logger,
  meter: Meter,
): BatchHandler {
  const decided = counter(meter, metric.ordersDecided);
  const rejected = counter(meter, metric.ordersRejected);

  /** Sums up per batch, because each increment of a counter has a cost. */
  function count(outcomes: readonly Outcome[]): void {
    for (const [label, number] of countBy(outcomes.flatMap((outcome) => labelOf(outcome) ?? []))) {
      decided.add(number, { outcome: label });
    }
    for (const [reason, number] of countBy(outcomes.flatMap(reasonsOf))) rejected.add(number, { reason });
  }

  return async (records): Promise<BatchResult> => {
    const deadLetters: DeadLetter[] = [];
    const readable: { record: ReceivedRecord; order: ReceivedOrder }[] = [];
    for (const record of records) {
      const read = readSubmission(record);
      if (read.ok) readable.push({ record, order: toReceivedOrder(record, read) });
      else deadLetters.push({ record, reason: read.reason, detail: read.detail });
    }
    const outcomes = readable.length > 0 ? await decideOrders(readable.map(({ order }) => order)) : [];

    const settled: Outcome[] = [];
    let waiting: { record: ReceivedRecord; cause: string } | undefined;
    for (const [index, { record, order }] of readable.entries()) {
      const outcome = outcomes[index];
      if (outcome === undefined) throw new Error('an order was decided without an outcome');
      if (outcome.kind === 'waiting') waiting ??= { record, cause: outcome.cause };
      if (waiting !== undefined) continue;
      settled.push(outcome);
      if (outcome.kind === 'dead_letter') {
        deadLetters.push({ record, reason: outcome.reason, detail: outcome.detail });
        logger.warn({ ...namesOf(order), reason: outcome.reason }, outcome.detail);
      } else if (outcome.kind === 'decided' && !outcome.repeat) {
        logger.debug({ ...namesOf(order), outcome: outcome.order.decision.outcome }, 'order decided');
      }
    }
    count(settled);
    return {
      deadLetters,
      ...(waiting !== undefined && { retryFrom: waiting.record, retryCause: waiting.cause }),
    };
  };
}

/** The fields that identify an order in log lines. */
function namesOf({ submission, traceparent }: ReceivedOrder) {
  const traceId = parseTraceparent(traceparent)?.traceId;
  return { order_id: submission.orderId, ...(traceId !== undefined && { trace_id: traceId }) };
}

function labelOf(outcome: Outcome): string | undefined {
  if (outcome.kind === 'dead_letter') return outcome.reason === 'ORDER_ID_CONFLICT' ? 'conflict' : undefined;
  if (outcome.kind === 'decided')
    return outcome.repeat ? 'repeated' : outcome.order.decision.outcome.toLowerCase();
  return outcome.kind === 'closed' ? 'closed' : undefined;
}

function reasonsOf(outcome: Outcome): string[] {
  if (outcome.kind !== 'decided' || outcome.repeat || outcome.order.decision.outcome !== 'REJECTED')
    return [];
  return [...new Set(outcome.order.decision.rejections.map(({ reason }) => reason))];
}

function countBy(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

function toReceivedOrder(
  record: ReceivedRecord,
  { submission, format }: Extract<ReturnType<typeof readSubmission>, { ok: true }>,
): ReceivedOrder {
  return {
    submission,
    source: {
      topic: record.topic,
      partition: record.partition,
      offset: record.offset,
      format,
      recordTime: record.timestamp,
    },
    bytes: record.value ?? new Uint8Array(),
    contentType: record.headers['content-type'],
    traceparent: traceOf(record),
  };
}
