import { fromBinary, toJson } from '@bufbuild/protobuf';
import { topics } from '@orderflow/contracts';
import { file_orderflow_order_event_v1_order_events as eventsFile } from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import { Order_State } from '@orderflow/contracts/orderflow/order/v1/order';
import { startWhole, type Whole } from '@orderflow/e2e/whole';
import { registerCodecs } from '@orderflow/messaging';
import { eventually, startProcess, type TestProcess } from '@orderflow/testing';
import kafkajs from 'kafkajs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { withTools } from '../src/builds.ts';
import { addedNumber } from '../src/contract-changes.ts';
import { buildExample, type Example, exampleLanguages, type Language } from '../src/kafka-examples.ts';
import { encodeTomorrowsCancel, tomorrowsCancel, tomorrowsContract } from '../src/tomorrow.ts';

const languages = exampleLanguages();

const topicsOfOrders = [
  // The broker stores what it has expanded: which compression it was does not matter to orderflow.
  { topic: 'created', name: 'the topic as the services create it, uncompressed', compressions: ['gzip'] },
  {
    topic: 'producer',
    name: "a topic with Kafka's default, compressed as it was sent",
    compressions: ['none', 'gzip', 'snappy', 'lz4', 'zstd'],
  },
] as const;
type TopicOfOrders = (typeof topicsOfOrders)[number];

const compressionsOf = (language: Language, compressions: TopicOfOrders['compressions']) =>
  compressions.filter((each) => language !== 'Node' || !['snappy', 'lz4'].includes(each));
const formats = {
  protobuf: 'protobuf',
  'protobuf-keyed': 'protobuf',
  json: 'plain_json',
  'json-keyed': 'plain_json',
};

const programs = new Map<Language, Example>();
/** Of each language one after the other: a reader that was stopped, and the one that continues. */
const readers = new Map<Language, TestProcess[]>();
let whole: Whole;

beforeAll(async () => {
  const building = languages.map(async (language) => programs.set(language, await buildExample(language)));
  [whole] = await Promise.all([startWhole('kafka-examples'), ...building]);
  await whole.inventory.adjustStock({
    productId: 'p-2',
    delta: 1_000n,
    reason: 'delivery',
    requestId: 'for all orders',
  });
  await sendWhatIsNoEvent();
  for (const [language, { read }] of programs) if (read) readers.set(language, [start(language, read)]);
}, 600_000);

afterAll(async () => {
  await Promise.all([...readers.values()].flat().map((reader) => reader.kill()));
  await whole?.[Symbol.asyncDispose]();
});

/** Starts a line of the README, with no change but what its ids begin with. */
function start(language: Language, line: string, env: Record<string, string> = {}): TestProcess {
  const example = programs.get(language);
  if (example === undefined) throw new Error(`the example in ${language} is not built`);
  const { KAFKA_BROKERS, TOPIC_PREFIX } = whole.env;
  return startProcess({
    command: 'sh',
    args: ['-c', `exec ${line}`],
    cwd: example.folder,
    env: {
      ...{ PATH: withTools(process.env['PATH']), ...example.env, KAFKA_BROKERS },
      ORDERS_TOPIC: `${TOPIC_PREFIX}${topics.orders}`,
      EVENTS_TOPIC: `${TOPIC_PREFIX}${topics.orderEvents}`,
      GROUP: `${TOPIC_PREFIX}example-${language}`,
      ...env,
    },
  });
}

/** Sends a language's orders with each compression; ids begin with the names of topic, language and compression. */
async function sendAll({ topic, compressions }: TopicOfOrders, language: Language): Promise<void> {
  for (const compression of compressionsOf(language, compressions)) {
    const line = programs.get(language)?.send.replace('first', `${topic}-${language}-${compression}`) ?? '';
    // Of five JVMs that live for a second.
    const JDK_JAVA_OPTIONS = '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC';
    const sender = start(language, line, { COMPRESSION: compression, JDK_JAVA_OPTIONS });
    expect(await sender.exited, sender.output()).toEqual({ code: 0, signal: null });
  }
}

/** Stops all readers, perhaps in the middle of something, and starts them again. */
async function restartReaders(): Promise<void> {
  for (const [language, started] of readers) {
    const reader = started.at(-1);
    await reader?.waitForLine(/^\{/);
    expect(await reader?.stop(), reader?.output()).toEqual({ code: 0, signal: null });
    started.push(start(language, programs.get(language)?.read ?? ''));
  }
}

const cancelId = `${tomorrowsCancel.orderId}/${tomorrowsCancel.version}`;

/**
 * A type of a later version, a known one with a field and a reason of a later version, a record without headers, and one
 * whose value is not what its type says.
 */
async function sendWhatIsNoEvent(): Promise<void> {
  const type = 'orderflow.order.event.v1.OrderAccepted';
  await whole.stores.producer.send({
    topic: `${whole.env['TOPIC_PREFIX']}${topics.orderEvents}`,
    messages: [
      { key: 'later', value: Buffer.of(10, 1, 65), headers: { ce_id: 'later/1', ce_type: `${type}Again` } },
      {
        key: tomorrowsCancel.orderId,
        value: Buffer.from(encodeTomorrowsCancel(await tomorrowsContract())),
        headers: { ce_id: cancelId, ce_type: 'orderflow.order.event.v1.OrderCancelled' },
      },
      { key: 'plain', value: 'hello' },
      { key: 'broken', value: Buffer.of(255, 255), headers: { ce_id: 'broken/1', ce_type: type } },
    ],
  });
}

async function setCompressionOfTopic(value: 'producer' | 'uncompressed'): Promise<void> {
  const admin = new kafkajs.Kafka({ brokers: (whole.env['KAFKA_BROKERS'] ?? '').split(',') }).admin();
  await admin.connect();
  const name = `${whole.env['TOPIC_PREFIX']}${topics.orders}`;
  const configEntries = [{ name: 'compression.type', value }];
  const resource = { type: kafkajs.ConfigResourceTypes.TOPIC, name, configEntries };
  await admin.alterConfigs({ validateOnly: false, resources: [resource] });
  await admin.disconnect();
}

/** What this process then reads compressed, as text, by the name of its compression. */
function watchCompression(): Map<string, string> {
  const { CompressionCodecs, CompressionTypes } = kafkajs;
  registerCodecs();
  const read = new Map<string, string>();
  for (const name of ['GZIP', 'Snappy', 'LZ4', 'ZSTD'] as const) {
    const codec = CompressionCodecs[CompressionTypes[name]]();
    CompressionCodecs[CompressionTypes[name]] = () => ({
      ...codec,
      decompress: async (data: Buffer) => {
        const batch: Buffer = await codec.decompress(data);
        read.set(name.toLowerCase(), (read.get(name.toLowerCase()) ?? '') + batch.toString('latin1'));
        return batch;
      },
    });
  }
  return read;
}

/** The events on the topic, as the contract's JSON, once those of every order are there. */
function events() {
  const types = new Map(eventsFile.messages.map((message) => [message.typeName, message]));
  return eventually(async () => {
    const records = await whole.stores.readTopic(topics.orderEvents);
    const found = records.flatMap(({ key, value, headers: { ce_id: id, ce_type: type = '' } }) => {
      const schema = types.get(type);
      if (schema === undefined || value === null || String(key) === 'broken') return [];
      return [{ id, type, event: toJson(schema, fromBinary(schema, value)) }];
    });
    const completed = found.filter(({ type }) => type.endsWith('.OrderCompleted'));
    expect(completed).toHaveLength(topicsOfOrders.flatMap(ordersOn).length);
    return found;
  });
}

const byText = (lines: readonly unknown[]) => lines.map((line) => JSON.stringify(line)).sort();

/** What all languages send while `orders` is such a topic. */
function ordersOn({ topic, compressions }: TopicOfOrders) {
  return languages.flatMap((language) =>
    compressionsOf(language, compressions).flatMap((compression) =>
      Object.entries(formats).map(([suffix, format]) => ({
        ...{ language, compression, format },
        orderId: `${topic}-${language}-${compression}-${suffix}`,
      })),
    ),
  );
}

describe.each(topicsOfOrders)('$name', (topicOfOrders) => {
  const { topic } = topicOfOrders;
  const ids = ordersOn(topicOfOrders);

  test('orders are completed that any language sends, in both formats, compressed or not, with keys or without', {
    timeout: 300_000,
  }, async () => {
    if (topic === 'producer') await setCompressionOfTopic('producer');
    await Promise.all([
      ...languages.map((language) => sendAll(topicOfOrders, language)),
      ...(topic === 'producer' ? [restartReaders()] : []),
    ]);
    await Promise.all(ids.map(({ orderId }) => whole.ended(orderId, Order_State.COMPLETED)));
    for (const { orderId, format } of ids) {
      const document = await whole.stores.document(orderId);
      expect(document, orderId).toMatchObject({
        source: { topic: 'orders', format },
        lines: [{ quantity: 2 }],
      });
    }
  });

  test('is what it is said to be: keys and compression are on the topic', async () => {
    const compressed = watchCompression();
    const keyed = (await whole.stores.readTopic(topics.orders)).filter(({ key }) => key !== null);
    const keys = keyed.map(({ key }) => String(key));
    const wanted = ids.filter(({ orderId }) => orderId.endsWith('-keyed'));
    for (const { language, compression } of wanted)
      expect(keys).toContain(`${topic}-${language}-${compression}`);
    for (const { orderId, compression } of ids) {
      const found = [...compressed].filter(([, text]) => text.includes(orderId)).map(([name]) => name);
      expect(found, orderId).toEqual(topic === 'producer' && compression !== 'none' ? [compression] : []);
    }
  });
});

describe.each(languages.filter((language) => language === 'Go' || language === 'Python'))(
  'the reader in %s',
  (language) => {
    type Printed = Awaited<ReturnType<typeof events>>[number];
    const output = () =>
      readers
        .get(language)
        ?.flatMap((reader) => reader.output().split('\n'))
        .filter((line) => line !== '') ?? [];
    /** What it printed of each event the first time: after a restart one may come again. */
    const printed = () => {
      const all = output().flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Printed] : []));
      return [...new Map(all.map(({ id, type, event }) => [id, { id, type, event }])).values()];
    };

    test('prints every event by its type, and skips types that it does not know', {
      timeout: 150_000,
    }, async () => {
      const expected = await events();
      expect(new Set(expected.map(({ type }) => type)).size).toBeGreaterThan(3);
      await eventually(() => expect(printed().length).toBeGreaterThanOrEqual(expected.length), {
        timeoutMs: 60_000,
      });
      expect(byText(printed())).toEqual(byText(expected));
    });

    test('reads an event of a later version: without its new field, and its new reason is a number', () => {
      const { giftNote, ...known } = tomorrowsCancel;
      const { event } = printed().find(({ id }) => id === cancelId) ?? {};
      expect(event).toEqual({ ...known, reason: addedNumber });
    });

    test('says which records are no events, and continues', () => {
      const skipped = output().flatMap((line) => /skipped what is no event, \S+@\d+/.exec(line)?.[0] ?? []);
      expect(new Set(skipped).size).toBe(2);
    });

    test('prints the events of one order in their order', () => {
      const versions = new Map<string, unknown[]>();
      for (const { id } of printed()) {
        const [orderId = '', version] = id?.split('/') ?? [];
        versions.set(orderId, [...(versions.get(orderId) ?? []), version]);
      }
      // Of this one there is no other event.
      versions.delete(tomorrowsCancel.orderId);
      for (const [orderId, found] of versions) expect(found, orderId).toEqual(['1', '2', '3', '4']);
    });

    test('ends when it is interrupted', async () => {
      expect(await readers.get(language)?.at(-1)?.stop()).toEqual({ code: 0, signal: null });
    });
  },
);
