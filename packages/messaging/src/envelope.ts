import { type DescMessage, type MessageShape, toBinary } from '@bufbuild/protobuf';

/** What an event says about itself, besides its content. Missing or malformed parts are left out. */
export interface Envelope {
  readonly id?: string;
  /** The full name of the protobuf message, such as `orderflow.order.event.v1.OrderAccepted`. */
  readonly type?: string;
  /** `/orderflow/<service>`. */
  readonly source?: string;
  /** The id of the entity that the event is about, such as the order id. */
  readonly subject?: string;
  readonly time?: Date;
  readonly specversion?: string;
  readonly contentType?: string;
  readonly traceparent?: string;
}

/** A Kafka record's headers and value, ready for the outbox. */
export interface EncodedEvent {
  readonly headers: Record<string, string>;
  readonly value: Uint8Array;
}

/** The metadata that the writer of an event provides. */
export interface EventAbout {
  readonly id: string;
  readonly source: string;
  readonly subject: string;
  readonly time: Date;
  readonly traceparent?: string;
}

/** Encodes an event as CloudEvents 1.0, Kafka binary mode: the value is the protobuf message, the rest are headers. */
export function encodeEvent<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
  about: EventAbout,
): EncodedEvent {
  return { headers: eventHeaders(schema, about), value: toBinary(schema, message) };
}

/** The headers of an event whose message is already encoded. */
export function eventHeaders(schema: DescMessage, about: EventAbout): Record<string, string> {
  return {
    ce_specversion: '1.0',
    ce_id: about.id,
    ce_type: schema.typeName,
    ce_source: about.source,
    ce_subject: about.subject,
    ce_time: about.time.toISOString(),
    'content-type': 'application/protobuf',
    ...(about.traceparent !== undefined && { traceparent: about.traceparent }),
  };
}

/** Reads the headers of any record, ours or not. Never throws: parts that cannot be read are left out. */
export function readEnvelope(headers: Readonly<Record<string, unknown>> | undefined): Envelope {
  const text = (name: string) => headerText(headers?.[name]);
  const time = new Date(text('ce_time') ?? Number.NaN);
  const found = {
    id: text('ce_id'),
    type: text('ce_type'),
    source: text('ce_source'),
    subject: text('ce_subject'),
    time: Number.isNaN(time.getTime()) ? undefined : time,
    specversion: text('ce_specversion'),
    contentType: text('content-type'),
    traceparent: text('traceparent'),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

/** A header's value as text: the last one where it is repeated, `undefined` where there is none. */
export function headerText(value: unknown): string | undefined {
  if (Array.isArray(value)) return headerText(value.at(-1));
  if (typeof value === 'string') return value;
  return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : undefined;
}
