import type { ReceivedRecord, SetAside, SliceHandler, SliceResult } from '@orderflow/messaging';
import { counter, type Logger, type Meter, metric, parseTraceparent } from '@orderflow/runtime';
import type { DecideOrders, Fate, ReceivedOrder } from '../../use-cases/decide-orders.ts';
import { readOrder } from './read-order.ts';
import { traceOf } from './trace.ts';

/** Handles slices of the topic `orders`: what can be read is decided, what can't is set aside. */
export function createOrderRecordsHandler(
  decideOrders: DecideOrders,
  logger: Logger,
  meter: Meter,
): SliceHandler {
  const decided = counter(meter, metric.ordersDecided);
  const rejected = counter(meter, metric.ordersRejected);

  /** Adds up a slice first: a counter has its price. */
  function count(fates: readonly Fate[]): void {
    for (const [outcome, number] of countBy(fates.flatMap((fate) => outcomeOf(fate) ?? []))) {
      decided.add(number, { outcome });
    }
    for (const [reason, number] of countBy(fates.flatMap(reasonsOf))) rejected.add(number, { reason });
  }

  return async (records): Promise<SliceResult> => {
    const setAside: SetAside[] = [];
    const readable: { record: ReceivedRecord; order: ReceivedOrder }[] = [];
    for (const record of records) {
      const read = readOrder(record);
      if (read.ok) readable.push({ record, order: toReceivedOrder(record, read) });
      else setAside.push({ record, reason: read.reason, detail: read.detail });
    }
    const fates = readable.length > 0 ? await decideOrders(readable.map(({ order }) => order)) : [];

    const settled: Fate[] = [];
    let waiting: { record: ReceivedRecord; cause: string } | undefined;
    for (const [index, { record, order }] of readable.entries()) {
      const fate = fates[index];
      if (fate === undefined) throw new Error('an order was decided without an answer');
      if (fate.kind === 'waiting') waiting ??= { record, cause: fate.cause };
      if (waiting !== undefined) continue;
      settled.push(fate);
      if (fate.kind === 'set_aside') {
        setAside.push({ record, reason: fate.reason, detail: fate.detail });
        logger.warn({ ...namesOf(order), reason: fate.reason }, fate.detail);
      } else if (fate.kind === 'decided' && !fate.repeat) {
        logger.debug({ ...namesOf(order), outcome: fate.order.decision.outcome }, 'order decided');
      }
    }
    count(settled);
    return {
      setAside,
      ...(waiting !== undefined && { stopBefore: waiting.record, stopCause: waiting.cause }),
    };
  };
}

/** What a log line about an order is found by. */
function namesOf({ submission, traceparent }: ReceivedOrder) {
  const traceId = parseTraceparent(traceparent)?.traceId;
  return { order_id: submission.orderId, ...(traceId !== undefined && { trace_id: traceId }) };
}

function outcomeOf(fate: Fate): string | undefined {
  if (fate.kind === 'set_aside') return fate.reason === 'ORDER_ID_CONFLICT' ? 'conflict' : undefined;
  if (fate.kind === 'decided') return fate.repeat ? 'repeated' : fate.order.decision.outcome.toLowerCase();
  return fate.kind === 'closed' ? 'closed' : undefined;
}

function reasonsOf(fate: Fate): string[] {
  if (fate.kind !== 'decided' || fate.repeat || fate.order.decision.outcome !== 'REJECTED') return [];
  return [...new Set(fate.order.decision.rejections.map(({ reason }) => reason))];
}

function countBy(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

function toReceivedOrder(
  record: ReceivedRecord,
  { submission, format }: Extract<ReturnType<typeof readOrder>, { ok: true }>,
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
