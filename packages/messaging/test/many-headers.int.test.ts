import { fileURLToPath } from 'node:url';
import { eventually, startProcess, testStack } from '@orderflow/testing';
import { CompressionTypes, type Message } from 'kafkajs';
import { expect, test } from 'vitest';
import { contentDigest, type Kafka } from '../src/index.ts';
import { committed, readTopic } from './kit.ts';
import { compressedTopic, dlq, withDeadLetters } from './reader.ts';

/** Far more than the records take, and far less than an object for each of their headers would. */
const SMALL_HEAP_MB = 100;

/** A process has to start first, and half a million headers are work, too. */
const patience = { timeoutMs: 60_000 };

/** The group `readers` in a process with a small heap; it prints the values that it handles. */
function smallConsumer(kafka: Kafka) {
  return startProcess({
    command: process.execPath,
    args: [
      '--max-semi-space-size=2',
      `--max-old-space-size=${SMALL_HEAP_MB}`,
      fileURLToPath(new URL('programs/consumer.ts', import.meta.url)),
    ],
    env: {
      BROKERS: testStack().urls.KAFKA_BROKERS,
      PREFIX: kafka.physicalName(''),
      SESSION_MS: '30000',
      ORDERFLOW_TEST: '1',
    },
  });
}

/** Each in a request of its own unless they are compressed together. */
async function send(kafka: Kafka, messages: Message[], compression?: CompressionTypes): Promise<void> {
  const producer = kafka.client().producer({ allowAutoTopicCreation: false });
  await producer.connect();
  const topic = kafka.physicalName('inbox');
  if (compression !== undefined) await producer.send({ topic, messages, compression });
  else for (const message of messages) await producer.send({ topic, messages: [message] });
  await producer.disconnect();
}

test('half a million headers in each record of a fetch: dead letters, and their neighbours are handled', {
  timeout: 120_000,
}, async () => {
  const kafka = await withDeadLetters(3);
  const headers = { '': Array<string>(500_000).fill('') };
  for (const partition of [0, 1, 2]) {
    const replay = { ...headers, dlq_attempt: '2', dlq_replay_of: `${dlq}/0/7` };
    await send(kafka, [
      { partition, value: `before-${partition}` },
      { partition, value: 'many', headers },
      { partition, value: 'replayed', headers: replay },
      { partition, value: `after-${partition}` },
    ]);
  }

  await using consumer = smallConsumer(kafka);
  await eventually(
    async () => expect(await committed(kafka, 'readers', 'inbox')).toEqual([4, 4, 4]),
    patience,
  );
  const handled = consumer.output().matchAll(/(?:before|after)-\d/g);
  expect([...handled].map(([value]) => value).sort()).toEqual([
    'after-0',
    'after-1',
    'after-2',
    'before-0',
    'before-1',
    'before-2',
  ]);
  expect(consumer.output()).not.toMatch(/many|replayed/);

  const letters = await readTopic(kafka, dlq);
  expect(letters.map(({ value }) => value?.toString())).toEqual(
    [0, 1, 2].flatMap(() => ['many', 'replayed']),
  );
  const [source] = (await readTopic(kafka, 'inbox')).filter(({ value }) => value?.toString() === 'many');
  expect(letters[0]?.headers).toMatchObject({
    dlq_reason: 'HEADERS_TOO_LARGE',
    dlq_detail: '500000 headers of 0 bytes; the limit is 500 headers of 65536 bytes',
    dlq_omitted: 'headers',
    dlq_sha256: source && contentDigest(source),
    dlq_attempt: '1',
  });
  expect(letters[1]?.headers).toMatchObject({ dlq_attempt: '3', dlq_replay_of: `${dlq}/0/7` });
  expect(letters[1]?.headers['dlq_sha256']).not.toBe(letters[0]?.headers['dlq_sha256']);
});

test('a batch of some KB that unpacks to a million headers is handled in parts', {
  timeout: 120_000,
}, async () => {
  const kafka = await compressedTopic();
  const headers = { '': Array<string>(500).fill('') };
  const messages = Array.from({ length: 2_000 }, (_, index) => ({
    partition: 0,
    value: `v${index}.`,
    headers,
  }));
  await send(kafka, messages, CompressionTypes.GZIP);

  await using consumer = smallConsumer(kafka);
  await eventually(async () => expect(await committed(kafka, 'readers', 'inbox')).toEqual([2_000]), patience);
  const batches = consumer
    .output()
    .split('\n')
    .flatMap((line) => (line.startsWith('handling ') ? [line.match(/v\d+\./g) ?? []] : []));
  expect(batches.flat()).toEqual(messages.map(({ value }) => value));
});
