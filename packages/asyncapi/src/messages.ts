import type { JsonObject } from '@bufbuild/protobuf';
import { topics } from '@orderflow/contracts';
import { eventHeaders as headersFor } from '@orderflow/messaging';
import { createSchemas, type Form } from '@orderflow/rpc/json-schemas';
import { bindingVersion } from './channel-names.ts';
import { type Event, events } from './events.ts';
import { exampleOf, exampleTime } from './examples.ts';
import { deadLetterHeaders, dlqLastOffset, headersOf, submissionHeaders } from './headers.ts';
import { jsonSubmissions } from './submissions.ts';

const eventForm: Form = { protocol: 'connect', direction: 'event' };
const protobuf = 'application/protobuf';

/** The names of the messages of each topic, without that of the dead letters. */
export const messagesOf = (topic: string): string[] =>
  topic === topics.orders
    ? ['OrderSubmitted', ...Object.keys(jsonSubmissions)]
    : events.filter((event) => event.topic === topic).map(({ desc }) => desc.name);

export const deadLetter = 'DeadLetter';

/** Describes every message, and the schemas that they refer to, as components of the document. */
export function describeMessages(): { messages: JsonObject; schemas: JsonObject } {
  const schemas = createSchemas();
  const described = events.map((event) => [event.desc.name, describeEvent(event)] as const);
  const inJson = Object.entries(jsonSubmissions).map(([name, { summary, schema, example }]) => [
    name,
    {
      ...{ name, title: name, summary, contentType: 'application/json' },
      headers: submissionHeaders(['application/json']),
      payload: schema,
      bindings: keyBinding({ description: 'It is ignored.' }),
      examples: [{ name, payload: example }],
    },
  ]) as [string, JsonObject][];

  function describeEvent(event: Event): JsonObject {
    const { desc, text, key } = event;
    const [summary = text] = /^.*?[.](?=\s|$)/s.exec(text) ?? [];
    const isSubmission = event.topic === topics.orders;
    const rest = text.slice(summary.length).trim();
    const how = `The value is the message \`${desc.typeName}\` of \`proto/${desc.file.name}.proto\`, in bytes of protobuf; the payload is described as its JSON.`;
    return {
      ...{ name: desc.name, title: desc.name, summary: summary.replace(/\.$/, '') },
      description: [rest, how].filter(Boolean).join('\n\n'),
      contentType: protobuf,
      headers: isSubmission ? submissionHeaders([protobuf, 'application/x-protobuf']) : headersOf(event),
      payload: schemas.message(desc, eventForm),
      ...(!isSubmission && { correlationId: { $ref: '#/components/correlationIds/subject' } }),
      bindings: keyBinding(
        key === undefined
          ? { description: 'It is ignored.' }
          : { type: 'string', minLength: 1, description: `The \`${key}\`, in UTF-8.` },
      ),
      examples: [{ name: desc.name, ...exampleHeaders(event), payload: exampleOf(desc) }],
      'x-protobuf-message': desc.typeName,
    };
  }

  const all: JsonObject = Object.fromEntries([...described, ...inJson]);
  const names = Object.values(topics).flatMap(messagesOf);
  return {
    messages: {
      ...Object.fromEntries(names.map((name) => [name, all[name] ?? {}])),
      [deadLetter]: describeDeadLetter(),
    },
    schemas: schemas.components(),
  };
}

function exampleHeaders({ desc, topic, key }: Event): JsonObject {
  if (topic === topics.orders) return {};
  const { version } = exampleOf(desc);
  const subject = key === 'customer_id' ? 'c-1' : 'o-1';
  const [service] = desc.typeName.split('.').slice(1);
  const headers = headersFor(desc, {
    id: `${subject}/${version ?? desc.name}`,
    source: `/orderflow/${service === 'enrichment' ? 'enrichment-stub' : service}`,
    subject,
    time: exampleTime,
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  });
  return { headers };
}

function keyBinding(key: JsonObject): JsonObject {
  return { kafka: { key, bindingVersion } };
}

function describeDeadLetter(): JsonObject {
  const required = Object.keys(deadLetterHeaders).filter(
    (name) => !['dlq_omitted', 'dlq_sha256'].includes(name),
  );
  return {
    name: deadLetter,
    title: 'Dead letter',
    summary: 'A record that could not be handled, and why',
    description:
      'Key, value and headers are those of the record, byte for byte, unless `dlq_omitted` says otherwise. ' +
      'It goes to the partition of the same number. `pnpm orders dlq` lists and replays them.',
    // Whatever the record was.
    contentType: 'application/octet-stream',
    headers: {
      type: 'object',
      properties: { ...deadLetterHeaders, dlq_last_offset: dlqLastOffset },
      required,
    },
    payload: {},
    bindings: keyBinding({ description: 'That of the record.' }),
    examples: [
      {
        name: 'OrderIdConflict',
        headers: {
          dlq_reason: 'ORDER_ID_CONFLICT',
          dlq_detail: 'order o-1 exists with other content',
          ...{ dlq_topic: topics.orders, dlq_partition: '1', dlq_offset: '7' },
          ...{ dlq_time: exampleTime.toISOString(), dlq_group: 'order-worker', dlq_attempt: '1' },
        },
        payload: {},
      },
    ],
  };
}
