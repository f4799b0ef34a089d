import { type DescMessage, fromBinary, type JsonObject, toJson } from '@bufbuild/protobuf';
import { asyncApiOf, events } from '@orderflow/asyncapi';
import { topics } from '@orderflow/contracts';
import type { StoreAddresses, Stores, TopicRecord } from '@orderflow/local/stores';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { ConfigResourceTypes, Kafka, logLevel } from 'kafkajs';

/** Everything that is not as the AsyncAPI document says, and which events there were. */
export interface Comparison {
  readonly problems: readonly string[];
  /** The full names of the events that were found. */
  readonly seen: ReadonlySet<string>;
}

const descOf = new Map<string, DescMessage>(events.map(({ desc }) => [desc.typeName, desc]));

/**
 * Compares every record on the topics of events, and every dead letter of orders, with the AsyncAPI document: its value
 * as JSON, its headers and its key. A member or header that the document does not name is a problem, too.
 */
export async function compareWithDocument(stores: Stores, document: JsonObject): Promise<Comparison> {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema(closed(document) as JsonObject, 'asyncapi.json');
  const problems: string[] = [];
  const seen = new Set<string>();

  function check(at: string, pointer: string, value: unknown): void {
    const isValid = ajv.validate({ $ref: `asyncapi.json#${pointer}` }, value);
    if (!isValid) problems.push(`${at}: ${ajv.errorsText(ajv.errors)} in ${JSON.stringify(value)}`);
  }

  function checkMessage(at: string, channel: string, name: string, record: TopicRecord, payload: unknown) {
    const message = `/components/messages/${name}`;
    // What the channel does not have cannot be found.
    if (!hasMessage(document, channel, name)) problems.push(`${at}: the channel ${channel} has no ${name}`);
    check(`${at}, headers`, `${message}/headers`, record.headers);
    check(`${at}, key`, `${message}/bindings/kafka/key`, record.key?.toString() ?? null);
    check(`${at}, value`, `${message}/payload`, payload);
  }

  function checkEvent(at: string, channel: string, record: TopicRecord): void {
    const type = record.headers['ce_type'] ?? '';
    const desc = descOf.get(type);
    if (desc === undefined || record.value === null) {
      problems.push(`${at}: ${type} is no event of the contracts, or has no value`);
      return;
    }
    seen.add(type);
    const message = fromBinary(desc, record.value);
    if (message.$unknown) problems.push(`${at}: it has fields that the contract does not`);
    if (record.key?.toString() !== record.headers['ce_subject'])
      problems.push(`${at}: the key is not the subject`);
    checkMessage(at, channel, desc.name, record, toJson(desc, message));
  }

  const ofEvents = Object.entries(topics).filter(([, topic]) => topic !== topics.orders);
  const [letters, ...all] = await Promise.all([
    stores.deadLetters(),
    ...ofEvents.map(([, topic]) => stores.readTopic(topic)),
  ]);
  for (const [index, [channel, topic]] of ofEvents.entries()) {
    for (const record of all[index] ?? [])
      checkEvent(`${topic}/${record.partition}/${record.offset}`, channel, record);
  }
  for (const letter of letters) {
    const at = `dead letter ${letter.partition}/${letter.offset}`;
    // The headers of its record are its sender's.
    const headers = Object.entries(letter.headers).filter(([name]) => name.startsWith('dlq_'));
    const own = { ...letter, headers: Object.fromEntries(headers) };
    checkMessage(at, 'ordersOrderWorkerDeadLetters', 'DeadLetter', own, null);
  }
  return { problems, seen };
}

function hasMessage(document: JsonObject, channel: string, name: string): boolean {
  const channels = document['channels'] as unknown as Record<string, { messages: object }>;
  return name in (channels[channel]?.messages ?? {});
}

/** Compares every topic of the document with the broker; returns what a topic has, and should not. */
export async function topicsUnlike({ KAFKA_BROKERS, TOPIC_PREFIX = '' }: StoreAddresses): Promise<string[]> {
  const brokers = KAFKA_BROKERS.split(',');
  const admin = new Kafka({ clientId: 'e2e', brokers, logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    const channels = Object.values(asyncApiOf()['channels'] as unknown as Record<string, Channel>);
    const described = new Map(
      channels.map(({ address, bindings }) => [TOPIC_PREFIX + address, bindings.kafka]),
    );
    const { topics: present } = await admin.fetchTopicMetadata({ topics: [...described.keys()] });
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [...described.keys()].map((name) => ({ type: ConfigResourceTypes.TOPIC, name })),
    });
    return [
      ...present
        .filter(({ name, partitions }) => partitions.length !== described.get(name)?.partitions)
        .map(({ name, partitions }) => `${name} has ${partitions.length} partitions`),
      ...resources.flatMap(({ resourceName, configEntries }) =>
        Object.entries(described.get(resourceName)?.topicConfiguration ?? {}).flatMap(([name, value]) => {
          const set = configEntries.find(({ configName }) => configName === name)?.configValue;
          return set === String(value) ? [] : [`${resourceName} has ${name} ${set}`];
        }),
      ),
    ];
  } finally {
    await admin.disconnect();
  }
}

/** The used parts of a channel of the document. */
interface Channel {
  readonly address: string;
  readonly bindings: {
    readonly kafka: { readonly partitions: number; readonly topicConfiguration: Record<string, unknown> };
  };
}

/** The same document, in which objects have no members that it does not name. */
function closed(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(closed);
  if (typeof json !== 'object' || json === null) return json;
  const object = Object.fromEntries(Object.entries(json).map(([key, value]) => [key, closed(value)]));
  return object['type'] === 'object' && 'properties' in object
    ? { ...object, additionalProperties: false }
    : object;
}
