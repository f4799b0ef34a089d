import type { TopicRecord } from '@orderflow/local/stores';
import fc from 'fast-check';
import { damages } from './message-bytes.ts';

/** A record to send, as hostile as Kafka permits. */
export interface HostileRecord {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Record<string, Buffer>;
}

/** Names that exist on every JavaScript object, names of our headers, and others. */
const headerNames = [
  'constructor',
  '__proto__',
  'valueOf',
  'toString',
  'ce_id',
  'ce_type',
  'ce_subject',
  'content-type',
  'requery',
  'traceparent',
  'dlq_reason',
  'dlq_attempt',
  'dlq_replay_of',
  'x',
];

const headerValues = fc.oneof(
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  fc
    .constantFrom(
      '',
      '1',
      '-1',
      '999999999999999999999',
      'application/json',
      'application/protobuf',
      'orderflow.order.event.v1.OrderAccepted',
      'orderflow.order.event.v1.OrderCancelRequested',
      'orderflow.payment.event.v1.PaymentProcessed',
      'x'.repeat(3_000),
    )
    .map((text) => Buffer.from(text)),
);

/** Removes a header, or adds or replaces one. */
const headerChanges = fc.array(
  fc.record({ name: fc.constantFrom(...headerNames), value: fc.option(headerValues) }),
  { maxLength: 3 },
);

const keys = fc.oneof(
  { weight: 6, arbitrary: fc.constant('own' as const) },
  { weight: 1, arbitrary: fc.constantFrom(null, Buffer.alloc(0), Buffer.alloc(2_000, 0xff)) },
);

/**
 * Mutants of valid records.
 * @param sound valid records of other orders.
 * @param renamed replaces the order's id with an id of the mutant's own; the index says which.
 */
export function mutants(
  sound: readonly TopicRecord[],
  renamed: (record: TopicRecord, index: number) => TopicRecord,
): fc.Arbitrary<HostileRecord> {
  return fc
    .record({
      record: fc.constantFrom(...sound),
      index: fc.nat(999_999),
      spoil: damages,
      changes: headerChanges,
      key: keys,
      hasValue: fc.integer({ min: 0, max: 30 }).map((n) => n > 0),
    })
    .map(({ record, index, spoil, changes, key, hasValue }) => {
      const own = renamed(record, index);
      // A map: `__proto__` is a header like any other.
      const headers = new Map(Object.entries(own.headers).map(([name, text]) => [name, Buffer.from(text)]));
      for (const change of changes) {
        if (change.value === null) headers.delete(change.name);
        else headers.set(change.name, change.value);
      }
      return {
        key: key === 'own' ? own.key : key,
        value: hasValue && own.value !== null ? Buffer.from(spoil(own.value)) : null,
        headers: withOwnNames(headers),
      };
    });
}

function withOwnNames(entries: ReadonlyMap<string, Buffer>): Record<string, Buffer> {
  const headers: Record<string, Buffer> = Object.create(null);
  for (const [name, value] of entries) headers[name] = value;
  return headers;
}

/** Replaces a text with another of the same length in the key, the value and the headers. */
export function withId(record: TopicRecord, from: string, to: string): TopicRecord {
  if (from.length !== to.length) throw new Error(`${to} is not as long as ${from}`);
  const replaced = (bytes: Buffer | null) =>
    bytes && Buffer.from(bytes.toString('latin1').replaceAll(from, to), 'latin1');
  const headers = Object.entries(record.headers).map(([name, value]) => [name, value.replaceAll(from, to)]);
  return {
    ...record,
    key: replaced(record.key),
    value: replaced(record.value),
    headers: Object.fromEntries(headers) as Record<string, string>,
  };
}
