import { eventually, privateStack } from '@orderflow/testing';
import { expect, test } from 'vitest';
import {
  appendOutbox,
  createBatchConsumer,
  createRelay,
  relayStatus,
  topicsComponent,
} from '../src/index.ts';
import {
  message,
  outboxDatabase,
  produce,
  recordingLogger,
  running,
  testKafka,
  testMetrics,
  text,
} from './kit.ts';

test('with Kafka down rows stay in the outbox; once it is back all of them arrive, in order, at a consumer', async () => {
  await using stack = await privateStack({ parts: ['kafka'] });
  await using orm = await outboxDatabase();
  const kafka = await testKafka([{ name: 'events', retention: 'unlimited' }], stack.urls.KAFKA_BROKERS);
  const { logger, lines } = recordingLogger();
  const { meter, value } = testMetrics();
  const seen: string[] = [];
  const relay = await running(createRelay({ orm, kafka, name: 'test', logger, meter, leaseMs: 1_500 }));
  await using _relay = relay;
  const consumer = await running(
    createBatchConsumer({
      kafka,
      groupId: 'readers',
      topics: ['events'],
      handle: async (records) => void seen.push(...records.map(text)),
      isOutage: () => false,
      logger,
      meter,
      sessionTimeoutMs: 3_000,
    }),
  );
  await using _consumer = consumer;
  const append = (value: string) =>
    orm.em.fork().transactional((em) => appendOutbox(em, [message('a', value)]));
  await append('before');
  await eventually(() => expect(seen).toEqual(['before']));
  await relay.check?.();

  await stack.parts.kafka.kill();
  for (const value of ['1', '2', '3']) await append(value);
  await eventually(async () => expect(relay.check?.()).rejects.toThrow('outbox relay test'));
  await eventually(async () => expect(consumer.check?.()).rejects.toThrow('has not joined'));
  expect(await relayStatus(orm)).toMatchObject({ pending: 3, failed: 0 });
  expect(await value('orderflow_outbox_pending')).toBe(3);

  await stack.parts.kafka.start();
  await eventually(() => expect([...new Set(seen)]).toEqual(['before', '1', '2', '3']), {
    timeoutMs: 60_000,
  });
  await eventually(async () => (await relayStatus(orm)).pending === 0);
  await relay.check?.();
  await consumer.check?.();
  const held = lines().filter((line) => line['relay'] === 'test');
  expect(held.map((line) => line.level)).toEqual(['error', 'info']);
}, 120_000);

test('what finds Kafka away at its start says so, and can be started again', async () => {
  await using stack = await privateStack({ parts: ['kafka'] });
  const spec = { name: 'events', retention: 'unlimited' } as const;
  const kafka = await testKafka([spec], stack.urls.KAFKA_BROKERS);
  await produce(kafka, 'events', ['a']);
  const seen: string[] = [];
  const components = [
    topicsComponent(kafka, [spec]),
    createBatchConsumer({
      kafka,
      groupId: 'readers',
      topics: ['events'],
      handle: async (records) => void seen.push(...records.map(text)),
      isOutage: () => false,
      logger: kafka.logger,
      meter: testMetrics().meter,
    }),
  ];
  await stack.parts.kafka.kill();
  await Promise.all(
    components.map(async (component) => {
      const error = await component.start().catch((reason: unknown) => reason);
      expect([component.name, component.isOutage?.(error)]).toEqual([component.name, true]);
    }),
  );
  await stack.parts.kafka.start();
  for (const component of components) await component.start();
  await eventually(() => expect(seen).toEqual(['a']));
  for (const component of components) await component.stop();
}, 120_000);
