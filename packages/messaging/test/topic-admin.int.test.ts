import { eventually } from '@orderflow/testing';
import { ConfigResourceTypes } from 'kafkajs';
import { expect, test } from 'vitest';
import { createBatchConsumer, deadLetterSpec, ensureTopics, type TopicSpec } from '../src/index.ts';
import { produce, recordingLogger, running, testKafka, testMetrics, text } from './kit.ts';

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
