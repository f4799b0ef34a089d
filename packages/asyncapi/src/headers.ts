import type { JsonObject } from '@bufbuild/protobuf';
import { requeryHeader, topics } from '@orderflow/contracts';
import type { Event } from './events.ts';

const traceparent: JsonObject = {
  type: 'string',
  description: 'The W3C trace, if there is one; the trace of a submission continues.',
  pattern: '^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$',
};

/** The headers of every event: CloudEvents 1.0, Kafka binary mode. */
export const eventHeaderSchemas: Readonly<Record<string, JsonObject>> = {
  ce_specversion: { const: '1.0', description: 'The version of CloudEvents.' },
  ce_id: { type: 'string', minLength: 1, description: 'The same for every repeat of this event.' },
  ce_type: { type: 'string', minLength: 1, description: 'The full name of the message.' },
  ce_source: { type: 'string', minLength: 1, description: 'The service that wrote it.' },
  ce_subject: {
    type: 'string',
    minLength: 1,
    description: 'What it is about: the order id or customer id; also the key.',
  },
  ce_time: { type: 'string', format: 'date-time', description: 'When it happened.' },
  'content-type': { const: 'application/protobuf', description: 'The format of the value.' },
  traceparent,
};

const requery: JsonObject = {
  type: 'string',
  description:
    'Only on an event that was published before: a reply is missing, and this says because of what.',
};

/** Services by their topic; the source of an event names one. */
const services: Readonly<Record<string, string>> = {
  [topics.orderEvents]: 'order',
  [topics.inventoryEvents]: 'inventory',
  [topics.paymentEvents]: 'payment',
};

/** The headers of one event. An enrichment API of your own has a source of its own. */
export function headersOf({ desc, topic }: Event): JsonObject {
  const service = services[topic];
  // Of one order there is one reply of each kind; other events are numbered.
  const isReply = topic === topics.inventoryEvents || topic === topics.paymentEvents;
  const own: Readonly<Record<string, JsonObject>> = {
    ce_id: { pattern: isReply ? `/${desc.name}$` : '/[1-9][0-9]*$' },
    ce_type: { const: desc.typeName },
    ...(service !== undefined && { ce_source: { const: `/orderflow/${service}` } }),
    ...(topic === topics.orderEvents && { [requeryHeader]: requery }),
  };
  const names = new Set([...Object.keys(eventHeaderSchemas), ...Object.keys(own)]);
  return {
    type: 'object',
    properties: Object.fromEntries(
      [...names].map((name) => [name, { ...eventHeaderSchemas[name], ...own[name] }]),
    ),
    required: Object.keys(eventHeaderSchemas).filter((name) => name !== 'traceparent'),
  };
}

/** The headers of an order that any producer may send: none is needed. */
export function submissionHeaders(contentTypes: readonly string[]): JsonObject {
  return {
    type: 'object',
    properties: {
      'content-type': {
        type: 'string',
        enum: [...contentTypes],
        description: 'Without it the first byte decides: `{` or `[` is JSON, everything else protobuf.',
      },
      ce_type: {
        const: 'orderflow.order.event.v1.OrderSubmitted',
        description: 'May be left out; any other is dead-lettered as `WRONG_TYPE`.',
      },
      traceparent,
    },
  };
}

const count: JsonObject = { type: 'string', pattern: '^[0-9]+$' };

/** The headers that a dead letter has besides those of its record. */
export const deadLetterHeaders: Readonly<Record<string, JsonObject>> = {
  dlq_reason: { type: 'string', pattern: '^[A-Z_]+$', description: 'Why, as a word.' },
  dlq_detail: { type: 'string', description: 'Why, as a sentence for people; at most 2 KiB.' },
  dlq_topic: { type: 'string', description: 'The topic it came from, without prefix.' },
  dlq_partition: { ...count, description: 'The partition it came from.' },
  dlq_offset: { ...count, description: 'Its offset there.' },
  dlq_time: { type: 'string', format: 'date-time', description: 'When it was dead-lettered.' },
  dlq_group: { type: 'string', description: 'The group that dead-lettered it.' },
  dlq_attempt: {
    ...count,
    description: '1, and one more each time it comes back with this header still on it.',
  },
  dlq_omitted: {
    enum: ['headers', 'headers,value', 'headers,value,key'],
    description: 'Only where the dead letter lacks parts of its record.',
  },
  dlq_sha256: {
    type: 'string',
    pattern: '^[0-9a-f]{64}$',
    description: 'Only with `dlq_omitted`: the SHA-256 of the record.',
  },
};

/** Only what cannot be decoded has it: a dead letter that stands for several offsets. */
export const dlqLastOffset: JsonObject = {
  ...count,
  description: 'Only of a batch that cannot be decoded: the last offset that it stands for.',
};
