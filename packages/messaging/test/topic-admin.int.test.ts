import { eventually } from '@orderflow/testing';
import { ConfigResourceTypes } from 'kafkajs';
import { describe, expect, test } from 'vitest';
import {
  createBatchConsumer,
  deadLetterSpec,
  ensureTopics,
  type Kafka,
  type TopicSpec,
} from '../src/index.ts';
import { problemsOf } from '../src/topics/topic-settings.ts';
import { settingsOf } from '../src/topics/topic-spec.ts';
import { produce, readTopic, recordingLogger, running, testKafka, testMetrics, text } from './kit.ts';

const DAY_MS = 86_400_000;

test('topics are created as described, several processes at once, and left alone when they exist', async () => {
  const kafka = await testKafka([]);
  const orders: TopicSpec = {
    name: 'orders',
    partitions: 2,
    retention: 'unlimited',
    maxMessageBytes: 500_000,
  };
  const events: TopicSpec = { name: 'events', retention: 31 * DAY_MS };
  const letters = deadLetterSpec(orders, 'worker');
  await Promise.all([
    ensureTopics(kafka, [orders, events]),
    ensureTopics(kafka, [events, letters]),
    ensureTopics(kafka, [orders, events, letters]),
  ]);
  await ensureTopics(kafka, [orders, { ...events, partitions: 9 }]);

  const admin = kafka.client().admin();
  await admin.connect();
  const names = ['orders', 'events', 'orders.worker.dlq'].map(kafka.physicalName);
  const { topics } = await admin.fetchTopicMetadata({ topics: names });
  expect(names.map((name) => topics.find((topic) => topic.name === name)?.partitions.length)).toEqual([
    2, 3, 2,
  ]);
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: names.map((name) => ({
      type: ConfigResourceTypes.TOPIC,
      name,
      configNames: ['retention.ms', 'max.message.bytes', 'compression.type'],
    })),
  });
  await admin.disconnect();
  const config = (name: string) =>
    Object.fromEntries(
      resources
        .find((one) => one.resourceName === kafka.physicalName(name))
        ?.configEntries.map((entry) => [entry.configName, entry.configValue]) ?? [],
    );
  expect(config('orders')).toMatchObject({
    'retention.ms': '-1',
    'max.message.bytes': '500000',
    'compression.type': 'uncompressed',
  });
  expect(config('events')).toMatchObject({
    'retention.ms': `${31 * DAY_MS}`,
    'max.message.bytes': '1048576',
  });
  expect(config('orders.worker.dlq')).toMatchObject({ 'retention.ms': '-1', 'max.message.bytes': '565536' });
});

test('a retention shorter than offsets are kept is refused', async () => {
  const kafka = await testKafka([]);
  await expect(ensureTopics(kafka, [{ name: 'short', retention: 29 * DAY_MS }])).rejects.toThrow(
    "topic short: retention is 2505600000 ms, expected 'unlimited' or at least 30 days",
  );
});

test('names carry the prefix in the cluster, and only there', async () => {
  const kafka = await testKafka([{ name: 'orders', retention: 'unlimited' }]);
  expect(kafka.logicalName(kafka.physicalName('orders'))).toBe('orders');
  expect(kafka.logicalName('orders')).toBe('orders');
  await produce(kafka, 'orders', ['a']);
  const seen: string[] = [];
  const { meter } = testMetrics();
  const { logger } = recordingLogger();
  await using _ = await running(
    createBatchConsumer({
      kafka,
      groupId: 'worker',
      topics: ['orders'],
      handle: async (records) =>
        void seen.push(...records.map((record) => `${record.topic} ${text(record)}`)),
      isOutage: () => false,
      logger,
      meter,
    }),
  );
  await eventually(() => expect(seen).toEqual(['orders a']));
});

describe('settings of topics that exist', () => {
  async function existing(name: string, settings: Record<string, string>): Promise<Kafka> {
    const kafka = await testKafka([]);
    const admin = kafka.client().admin();
    await admin.connect();
    const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
    await admin.createTopics({ topics: [{ topic: kafka.physicalName(name), configEntries }] });
    await admin.disconnect();
    return kafka;
  }

  test('that break a promise are said, with the command that corrects each; nothing is changed', async () => {
    const { logger, lines } = recordingLogger();
    const kafka = await existing('orders', {
      'retention.ms': '60000',
      'retention.bytes': '1000',
      'max.message.bytes': '1000',
      'cleanup.policy': 'compact,delete',
      'compression.type': 'producer',
    });
    const spec: TopicSpec = { name: 'orders', retention: 'unlimited' };
    const fresh: TopicSpec = { name: 'fresh', retention: 'unlimited' };
    for (const _ of [1, 2]) await ensureTopics({ ...kafka, logger }, [spec, fresh]);
    const warnings = lines().filter(({ level }) => level === 'warn');
    expect(warnings.map(({ topic, setting, value, wanted }) => [topic, setting, value, wanted])).toEqual(
      [1, 2].flatMap(() => [
        ['orders', 'retention.ms', '60000', '-1'],
        ['orders', 'retention.bytes', '1000', '-1'],
        ['orders', 'max.message.bytes', '1000', '1048576'],
        ['orders', 'compression.type', 'producer', 'uncompressed'],
        ['orders', 'cleanup.policy', 'compact,delete', 'delete'],
      ]),
    );
    expect(warnings[0]?.['command']).toBe(
      'kafka-configs.sh --bootstrap-server $KAFKA_BROKERS --alter --entity-type topics ' +
        `--entity-name ${kafka.physicalName('orders')} --add-config retention.ms=-1`,
    );
  });

  test.for([
    ['orders', 'min.insync.replicas', '2', 'a partition has 1 replicas only'],
    ['orders.w.dlq', 'cleanup.policy', 'compact', 'the broker refuses dead letters without a key'],
    ['orders.w.dlq', 'max.message.bytes', '100', 'the headers of a dead letter alone may not fit'],
  ] as const)('that cannot work end the start: %s with %s=%s', async ([name, setting, value, why]) => {
    const kafka = await existing(name, { [setting]: value });
    const orders: TopicSpec = { name: 'orders', retention: 'unlimited' };
    const start = ensureTopics(kafka, [orders, deadLetterSpec(orders, 'w')]);
    await expect(start).rejects.toThrow(`topic ${name}: ${setting} is ${value}: ${why}`);
    await expect(start).rejects.toThrow(`--entity-name ${kafka.physicalName(name)} --add-config ${setting}=`);
  });

  test('one of three replicas in sync is too few; a topic as created has no problem', () => {
    const spec: TopicSpec = { name: 'orders', retention: 'unlimited' };
    const asCreated = Object.entries(settingsOf(spec));
    const found = (inSync: string) => ({
      values: new Map([...asCreated, ['min.insync.replicas', inSync]]),
      replicas: 3,
    });
    expect(problemsOf(spec, found('1')).map(({ setting, wanted }) => [setting, wanted])).toEqual([
      ['min.insync.replicas', '2'],
    ]);
    expect(problemsOf(spec, found('2'))).toEqual([]);
  });
});

test('a record sent to a topic as soon as it exists arrives once', async () => {
  const kafka = await testKafka([]);
  const counts: number[] = [];
  for (let round = 0; round < 4; round += 1) {
    const name = `new-${round}`;
    await ensureTopics(kafka, [{ name, partitions: 12, retention: 'unlimited' }]);
    await produce(
      kafka,
      name,
      Array.from({ length: 100 }, (_, index) => `record ${index}`),
    );
    counts.push((await readTopic(kafka, name)).length);
  }
  expect(counts).toEqual(Array(4).fill(100));
});
