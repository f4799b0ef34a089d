import { fromBinary } from '@bufbuild/protobuf';
import { formatAmount, groups, toMinorUnits, topics } from '@orderflow/contracts';
import {
  OrderAcceptedSchema,
  OrderRejectedSchema,
} from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import type { TestOrder } from './orders.ts';
import type { OrderDocument, Stores, TopicRecord } from './stores.ts';

/** An invariant, and its first violations. */
export interface Finding {
  readonly rule: string;
  readonly violations: readonly string[];
}

/** The result of an audit, for a summary. */
export interface Audit {
  readonly findings: readonly Finding[];
  readonly accepted: number;
  readonly rejectedByReason: ReadonlyMap<string, number>;
  readonly deadLettersByReason: ReadonlyMap<string, number>;
  readonly eventRecords: number;
  readonly distinctEvents: number;
  readonly example: OrderDocument | undefined;
}

/** Whether nothing that was sent is in flight any more: decided, written to MongoDB, published, with its progress. */
export async function isSettled(stores: Stores, sent: readonly TestOrder[]): Promise<boolean> {
  const expected = sent.filter((order) => order.expected.outcome !== 'DEAD_LETTER').length;
  const [orders] = await stores.query<{ count: number }>(
    'select count(*)::int as count from orders where state <> $1',
    ['PENDING'],
  );
  if ((orders?.count ?? 0) < expected) return false;
  const [outbox] = await stores.query<{ count: number }>('select count(*)::int as count from outbox');
  if (outbox?.count !== 0) return false;
  if ((await stores.lag(topics.orders, groups.orderWorker)) > 0) return false;
  return (await stores.lag(topics.orderEvents, groups.orderView)) === 0;
}

/**
 * Compares every store with what was sent: each readable order is decided once and as expected, has a document with the
 * same total, is published once after duplicates are removed; each unreadable record is dead-lettered byte for byte.
 */
export async function audit(stores: Stores, sent: readonly TestOrder[]): Promise<Audit> {
  const [rows, documents, eventRecords, deadLetters] = await Promise.all([
    stores.query<{ id: string; state: string; version: number; outcome: string | null }>(`
      select id, orders.state, orders.version, decision.state as outcome from orders
      left join order_history decision on order_id = id and enriched_order is not null`),
    stores.documents(),
    stores.readTopic(topics.orderEvents),
    stores.deadLetters(),
  ]);
  const states = new Map(rows.map((row) => [row.id, row]));
  const shown = new Map(documents.map((document) => [document._id, document]));
  const published = Map.groupBy(eventRecords.map(readEvent), ({ orderId }) => orderId);
  const readable = sent.filter(({ expected }) => expected.outcome !== 'DEAD_LETTER');
  const unreadable = sent.filter(({ expected }) => expected.outcome === 'DEAD_LETTER');

  const rule = (
    name: string,
    check: (order: TestOrder) => string | undefined,
    orders = readable,
  ): Finding => ({
    rule: name,
    violations: orders.flatMap((order) => {
      const problem = check(order);
      return problem === undefined ? [] : [`${order.orderId}: ${problem}`];
    }),
  });
  const known = new Set(readable.map(({ orderId }) => orderId));
  const findings: Finding[] = [
    rule('every order is decided in Postgres as expected', ({ orderId, expected }) => {
      const outcome = states.get(orderId)?.outcome;
      return outcome === expected.outcome
        ? undefined
        : `${outcome ?? 'not decided'} instead of ${expected.outcome}`;
    }),
    rule(
      'every order has a document in MongoDB with the same outcome, reasons and total',
      ({ orderId, expected }) => difference(shown.get(orderId), expected),
    ),
    rule('the progress of every document matches the order', ({ orderId }) => {
      const progress = shown.get(orderId)?.progress;
      const order = states.get(orderId);
      const follows = progress?.state === order?.state && progress?.version === order?.version;
      return follows ? undefined : `progress is ${JSON.stringify(progress)}`;
    }),
    rule(
      'every decision is published once on order-events, after duplicates are removed',
      ({ orderId, expected }) => {
        const events = new Map(published.get(orderId)?.map((event) => [event.id, event]));
        const [event, ...others] = [...events.values()].filter(({ outcome }) => outcome !== undefined);
        if (event === undefined || others.length > 0) return `${events.size} different decisions`;
        if (event.outcome !== expected.outcome) return `published as ${event.outcome}`;
        return expected.outcome === 'ACCEPTED' && event.total !== expected.total
          ? `total ${event.total}`
          : undefined;
      },
    ),
    rule(
      'every unreadable record is dead-lettered byte for byte',
      ({ record, expected }) => {
        const reason = expected.outcome === 'DEAD_LETTER' ? expected.reason : '';
        const there = deadLetters.some(
          ({ value, headers }) => value?.equals(record.value) && headers['dlq_reason'] === reason,
        );
        return there ? undefined : `not in the dead letters as ${reason}`;
      },
      unreadable,
    ),
    {
      rule: 'nothing exists that was not sent',
      violations: [...states.keys(), ...shown.keys(), ...published.keys()]
        .filter((id) => !known.has(id))
        .map((id) => `${id}: was never sent`),
    },
  ];
  const reasons = documents.flatMap(({ rejections = [] }) => [
    ...new Set(rejections.map(({ reason }) => reason)),
  ]);
  return {
    findings,
    accepted: documents.filter(({ outcome }) => outcome === 'ACCEPTED').length,
    rejectedByReason: countOf(reasons),
    deadLettersByReason: countOf(
      distinctDeadLetters(deadLetters).map(({ headers }) => headers['dlq_reason'] ?? ''),
    ),
    eventRecords: eventRecords.length,
    distinctEvents: new Set(eventRecords.map(({ headers }) => headers['ce_id'])).size,
    example: documents.find(
      ({ outcome, lines }) => outcome === 'ACCEPTED' && (lines as unknown[]).length > 1,
    ),
  };
}

function difference(
  document: OrderDocument | undefined,
  expected: TestOrder['expected'],
): string | undefined {
  if (document === undefined) return 'no document';
  if (document.outcome !== expected.outcome) return `${document.outcome} instead of ${expected.outcome}`;
  if (expected.outcome === 'ACCEPTED') {
    const total = formatAmount(expected.total);
    return document.total === total ? undefined : `total ${document.total} instead of ${total}`;
  }
  if (expected.outcome === 'REJECTED') {
    const reasons = [...new Set(document.rejections?.map(({ reason }) => reason))].sort();
    const wanted = [...new Set(expected.reasons)].sort();
    return reasons.join() === wanted.join() ? undefined : `rejected for ${reasons} instead of ${wanted}`;
  }
  return undefined;
}

function readEvent({ headers, value }: TopicRecord) {
  const bytes = value ?? new Uint8Array();
  if (headers['ce_type'] === OrderAcceptedSchema.typeName) {
    const { orderId, total } = fromBinary(OrderAcceptedSchema, bytes);
    return { id: headers['ce_id'], orderId, outcome: 'ACCEPTED', total: total && toMinorUnits(total) };
  }
  if (headers['ce_type'] === OrderRejectedSchema.typeName) {
    const { orderId } = fromBinary(OrderRejectedSchema, bytes);
    return { id: headers['ce_id'], orderId, outcome: 'REJECTED', total: undefined };
  }
  return { id: headers['ce_id'], orderId: headers['ce_subject'] ?? '', outcome: undefined, total: undefined };
}

/** Removes duplicates: a dead letter may be sent twice when a process crashes before its commit. */
function distinctDeadLetters(records: readonly TopicRecord[]): TopicRecord[] {
  const positionOf = ({ headers }: TopicRecord) =>
    `${headers['dlq_topic']}/${headers['dlq_partition']}/${headers['dlq_offset']}`;
  return [...new Map(records.map((record) => [positionOf(record), record])).values()];
}

function countOf(names: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return new Map([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}
