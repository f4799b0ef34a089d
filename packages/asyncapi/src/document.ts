import type { JsonObject } from '@bufbuild/protobuf';
import { readers, topics } from '@orderflow/contracts';
import {
  DEFAULT_PARTITIONS,
  deadLetterSpec,
  eventSpec,
  settingsOf,
  type TopicSpec,
} from '@orderflow/messaging';
import type { Topic } from './applications.ts';
import { bindingVersion, channelName, deadLetterName } from './channel-names.ts';
import { deadLetter, describeMessages, messagesOf } from './messages.ts';
import { describeOperations } from './operations.ts';

const introduction = `\
What is on Kafka. Every event is one of protobuf: the value is the bare message, without framing and without a schema
registry, and its metadata are headers, CloudEvents 1.0 in Kafka's binary mode. Payloads are described as the JSON of
these messages (proto3 JSON, \`lowerCamelCase\`); \`pnpm proto export\` writes the protos for code generators. The topic
\`orders\` takes JSON, too.

**Delivery.** At least once: the same event always has the same \`ce_id\`. Events of one key are in order.

**Evolution.** Skip a \`ce_type\` and a field that you do not know: later versions add both.

**Names.** Where \`TOPIC_PREFIX\` is set it stands in front of every topic and every group.

Guarantees, limits and the rights that each process needs are in \`docs/events.md\`.
`;

const descriptions: Readonly<Record<Topic, string>> = {
  [topics.orders]:
    'Orders as any producer sends them, in one of three forms; not yet validated. Which record of an id comes first is not decided by the partition. Every readable one leads to OrderAccepted or OrderRejected.',
  [topics.orderEvents]: 'Decisions about orders, and their transitions.',
  [topics.inventoryEvents]: 'What happened to stock for orders.',
  [topics.paymentEvents]: 'What happened to payments for orders.',
  [topics.customerEvents]: 'Which customers have changed; what has changed is read from CustomerService.',
};

/** Returns the AsyncAPI 3.1 document of all topics: their messages, and which process writes and reads them. */
export function asyncApiOf(): JsonObject {
  const { messages, schemas } = describeMessages();
  const operations = describeOperations();
  const processes = new Set(operations.map(({ process }) => process));
  return {
    asyncapi: '3.1.0',
    info: {
      title: 'orderflow: events',
      version: '1',
      description: introduction,
      license: { name: 'MIT' },
      tags: [...processes].map((process) => ({ name: process, description: `The process ${process}.` })),
    },
    defaultContentType: 'application/protobuf',
    servers,
    channels: Object.fromEntries([
      ...Object.values(topics).map((topic) => [channelName(topic), topicChannel(topic)] as const),
      ...readers.map(
        ([topic, group]) => [deadLetterName(topic, group), deadLetterChannel(topic, group)] as const,
      ),
    ]),
    operations: Object.fromEntries(operations.map(({ name, operation }) => [name, operation])),
    components: {
      messages,
      schemas,
      correlationIds: {
        subject: {
          description: 'All events about one order, or one customer, have it.',
          location: '$message.header#/ce_subject',
        },
      },
      securitySchemes,
    },
  };
}

const securitySchemes: JsonObject = {
  scramSha512: { type: 'scramSha512', description: 'KAFKA_SASL_MECHANISM=SCRAM-SHA-512' },
  scramSha256: { type: 'scramSha256', description: 'KAFKA_SASL_MECHANISM=SCRAM-SHA-256' },
  plain: { type: 'plain', description: 'KAFKA_SASL_MECHANISM=PLAIN' },
};

const servers: JsonObject = {
  development: {
    host: 'localhost:9092',
    protocol: 'kafka',
    description: 'The broker of `pnpm dev` and `pnpm stack up`.',
  },
  production: {
    host: 'kafka.example:9093',
    protocol: 'kafka-secure',
    description: 'A cluster of your own, with `KAFKA_SSL`; one principal per process.',
    security: Object.keys(securitySchemes).map((name) => ({ $ref: `#/components/securitySchemes/${name}` })),
  },
};

function topicChannel(topic: Topic): JsonObject {
  const spec =
    topic === topics.orders ? ({ name: topic, retention: 'unlimited' } as const) : eventSpec(topic);
  return channel(spec, descriptions[topic], messagesOf(topic));
}

function deadLetterChannel(topic: string, group: string): JsonObject {
  const spec = deadLetterSpec({ name: topic, retention: 'unlimited' }, group);
  return channel(spec, `Records of \`${topic}\` that the group \`${group}\` could not handle.`, [deadLetter]);
}

function channel(spec: TopicSpec, description: string, messages: readonly string[]): JsonObject {
  const settings = settingsOf(spec);
  return {
    address: spec.name,
    title: spec.name,
    description,
    messages: Object.fromEntries(
      messages.map((name) => [name, { $ref: `#/components/messages/${name}` }] as const),
    ),
    bindings: {
      kafka: {
        partitions: spec.partitions ?? DEFAULT_PARTITIONS,
        topicConfiguration: {
          'cleanup.policy': [settings['cleanup.policy']],
          'retention.ms': Number(settings['retention.ms']),
          'retention.bytes': Number(settings['retention.bytes']),
          'max.message.bytes': Number(settings['max.message.bytes']),
        },
        bindingVersion,
      },
    },
  };
}
