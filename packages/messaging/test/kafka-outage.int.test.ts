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
  recordingLogger,
  relayDatabase,
  running,
  testKafka,
  testMetrics,
  text,
} from './kit.ts';

test('with Kafka down rows stay in the outbox; once it is back all of them arrive, in order, at consumers', async () => {
  await using stack = await privateStack({ parts: ['kafka'] });
  await using database = await outboxDatabase();
  const events = { name: 'events', retention: 'unlimited' } as const;
  const kafka = await testKafka([events], stack.urls.KAFKA_BROKERS);
  const { logger, lines } = recordingLogger();
  const { meter, value } = testMetrics();
  const seen: string[] = [];
  const seenLate: string[] = [];
  const relay = await running(
    createRelay({
      ...relayDatabase(database),
      kafka,
      name: 'test',
      logger,
      meter,
      leaseMs: 1_500,
    }),
  );
  await using _relay = relay;
  const consumerOf = (groupId: string, into: string[]) =>
    createBatchConsumer({
      kafka,
      groupId,
      topics: ['events'],
      handle: async (records) => void into.push(...records.map(text)),
      isOutage: () => false,
      logger,
      meter,
      sessionTimeoutMs: 3_000,
    });
  const consumer = await running(consumerOf('readers', seen));
  await using _consumer = consumer;
  const append = (value: string) =>
    database.transaction(async (transaction) => appendOutbox(transaction, [message('a', value)]));
  await append('before');
  await eventually(() => expect([...new Set(seen)]).toEqual(['before']));
  await relay.check?.();

  await stack.parts.kafka.kill();
  for (const value of ['1', '2', '3']) await append(value);
  await eventually(async () => expect(relay.check?.()).rejects.toThrow('outbox relay test'));
  await eventually(async () => expect(consumer.check?.()).rejects.toThrow('has not joined'));
  expect(await relayStatus(database)).toMatchObject({ pending: 3, failed: 0 });
  expect(await value('orderflow_outbox_pending')).toBe(3);

  // A start fails with an outage now, and can be repeated.
  const late = [topicsComponent(kafka, [events]), consumerOf('late-readers', seenLate)];
  const failures = late.map(async ({ start, isOutage }) => isOutage?.(await start().catch((error) => error)));
  expect(await Promise.all(failures)).toEqual([true, true]);

  await stack.parts.kafka.start();
  for (const component of late) await component.start();
  await eventually(() => expect([...new Set(seenLate)]).toEqual(['before', '1', '2', '3']), {
    timeoutMs: 60_000,
  });
  for (const component of late) await component.stop();
  await eventually(() => expect([...new Set(seen)]).toEqual(['before', '1', '2', '3']), {
    timeoutMs: 60_000,
  });
  await eventually(async () => (await relayStatus(database)).pending === 0);
  await relay.check?.();
  await consumer.check?.();
  const held = lines().filter((line) => line['relay'] === 'test');
  expect(held.map((line) => line.level)).toEqual(['error', 'info']);
}, 240_000);
