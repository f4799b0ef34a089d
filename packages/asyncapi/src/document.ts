import type { JsonObject } from '@bufbuild/protobuf';
import { type groups, readers, topics, watchGroup } from '@orderflow/contracts';
import {
  DEFAULT_PARTITIONS,
  deadLetterSpec,
  eventSpec,
  settingsOf,
  type TopicSpec,
} from '@orderflow/messaging';
import { applications } from './applications.ts';
import { deadLetter, describeMessages, messagesOf } from './messages.ts';

const bindingVersion = '0.5.0';

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

const descriptions: Readonly<Record<string, string>> = {
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
  const ways = [
    ...Object.values(topics).flatMap(sendOperations),
    ...readers.flatMap(readOperations),
    ...watch(),
  ];
  const processes = new Set(ways.map(({ process }) => process));
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
      ...Object.entries(topics).map(([name, topic]) => [name, topicChannel(topic)] as const),
      ...readers.map(
        ([topic, group]) => [deadLetterName(topic, group), deadLetterChannel(topic, group)] as const,
      ),
    ]),
    operations: Object.fromEntries(ways.map(({ name, operation }) => [name, operation])),
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

function topicChannel(topic: string): JsonObject {
  const spec =
    topic === topics.orders ? ({ name: topic, retention: 'unlimited' } as const) : eventSpec(topic);
  return channel(spec, descriptions[topic] ?? '', messagesOf(topic));
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

/** An operation, its name in the document, and the process that does it. */
interface Way {
  readonly name: string;
  readonly process: string;
  readonly operation: JsonObject;
}

function sendOperations(topic: string): Way[] {
  const channel = channelName(topic);
  const own = way(`Sends${capital(channel)}`, applications.writers[topic] ?? '', 'send', channel, {
    summary: topic === topics.orders ? 'Sends orders that were taken over RPC and REST' : 'Publishes events',
    description: 'From the outbox: what the transaction has written that made it true.',
  });
  if (topic !== topics.orders) return [own];
  return [own, way('Sends', 'producer', 'send', channel, { summary: 'Any producer sends orders' })];
}

function readOperations([topic, group]: (typeof readers)[number]): Way[] {
  const { process, does } = applications.readers[group];
  const [from, to] = [channelName(topic), deadLetterName(topic, group)];
  return [
    way(`Receives${capital(from)}`, process, 'receive', from, {
      summary: `As group \`${group}\`: ${does}`,
      bindings: { kafka: { groupId: { type: 'string', const: group }, bindingVersion } },
    }),
    way(`Sends${capital(to)}`, process, 'send', to, {
      summary: `Dead-letters what group \`${group}\` cannot handle`,
      description: 'The group commits the offset after the broker has acknowledged the dead letter.',
    }),
  ];
}

/** Watches read all events while they last, and commit nothing. */
function watch(): Way[] {
  const groupId = { type: 'string', pattern: `^${watchGroup}\\.` };
  return [
    way('WatchesOrderEvents', 'order-api', 'receive', channelName(topics.orderEvents), {
      summary: 'Wakes the callers of WatchOrder and WatchOrders',
      description: 'Each process as a group of its own, which commits nothing.',
      bindings: { kafka: { groupId, bindingVersion } },
    }),
  ];
}

function way(
  name: string,
  process: string,
  action: 'send' | 'receive',
  channel: string,
  more: JsonObject,
): Way {
  const operation = {
    action,
    channel: { $ref: `#/channels/${channel}` },
    tags: [{ name: process }],
    ...more,
  };
  return { name: `${camel(process)}${name}`, process, operation };
}

function channelName(topic: string): string {
  return Object.entries(topics).find(([, name]) => name === topic)?.[0] ?? camel(topic);
}

function deadLetterName(topic: string, group: (typeof groups)[keyof typeof groups]): string {
  return `${channelName(topic)}${capital(camel(group))}DeadLetters`;
}

function camel(name: string): string {
  return name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

function capital(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}
