import { existsSync } from 'node:fs';
import { create, toBinary } from '@bufbuild/protobuf';
import { OrderReservedSchema } from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import { startProcess, type TestProcess, testStack, uniqueName } from '@orderflow/testing';
import kafkajs from 'kafkajs';
import { describe, expect, test } from 'vitest';
import { withTools } from '../src/builds.ts';
import { buildExample, exampleLanguages, type Language } from '../src/kafka-examples.ts';

const languages = exampleLanguages();
const examples = new Map(
  await Promise.all(languages.map(async (language) => [language, await buildExample(language)] as const)),
);

/** Where no broker listens. */
const noBroker = '127.0.0.1:1';

/** Starts the line with which a language sends or reads; `rest` follows it. */
function start(
  language: Language,
  kind: 'send' | 'read',
  env: Record<string, string>,
  rest = '',
): TestProcess {
  const example = examples.get(language);
  const line = example?.[kind];
  if (example === undefined || line === undefined) throw new Error(`${language} has no line to ${kind}`);
  return startProcess({
    command: 'sh',
    args: ['-c', `exec ${line} ${rest}`],
    cwd: example.folder,
    env: { PATH: withTools(process.env['PATH']), ...example.env, ...env },
  });
}

// The libraries try for a minute, all at once.
test.concurrent.each(languages)(
  'the sender in %s fails within two minutes when there is no broker',
  {
    timeout: 150_000,
  },
  async (language) => {
    await using sender = start(language, 'send', { KAFKA_BROKERS: noBroker });
    const late = AbortSignal.timeout(120_000);
    late.addEventListener('abort', () => void sender.kill());
    expect(await sender.exited, sender.output()).toEqual({ code: 1, signal: null });
    // Java's library says it of the topic.
    expect(sender.output()).toMatch(language === 'Java' ? /orders not present in metadata/ : noBroker);
  },
);

describe.each(languages.filter((language) => language === 'Go' || language === 'Python'))(
  'the reader in %s',
  (language) => {
    test('says that there is no broker, and ends when it is interrupted', async () => {
      await using reader = start(language, 'read', { KAFKA_BROKERS: noBroker });
      await reader.waitForLine(/refused/);
      expect(await reader.stop(), reader.output()).toEqual({ code: 0, signal: null });
    });

    test.skipIf(!existsSync('/dev/full'))(
      'fails when its output takes nothing, and does not commit the event',
      async () => {
        const { KAFKA_BROKERS } = testStack().urls;
        const [topic, groupId] = [uniqueName('events'), uniqueName('full')];
        const kafka = new kafkajs.Kafka({ brokers: KAFKA_BROKERS.split(',') });
        const [admin, producer] = [kafka.admin(), kafka.producer()];
        await Promise.all([admin.connect(), producer.connect()]);
        try {
          await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] });
          const value = Buffer.from(
            toBinary(OrderReservedSchema, create(OrderReservedSchema, { orderId: 'o-1' })),
          );
          const headers = { ce_id: 'o-1/2', ce_type: OrderReservedSchema.typeName };
          const messages = [
            { key: 'o-1', value: null, headers },
            { key: 'o-1', value, headers: { ce_type: headers.ce_type } },
            { key: 'o-1', value, headers },
          ];
          await producer.send({ topic, messages });
          const env = { KAFKA_BROKERS, EVENTS_TOPIC: topic, GROUP: groupId };
          await using reader = start(language, 'read', env, '> /dev/full');
          expect((await reader.exited).code, reader.output()).toBe(1);
          // What has no value, and what has no id, is no event: neither is written.
          expect(reader.output()).toMatch(
            /skipped what is no event, \S+@0.*skipped what is no event, \S+@1/s,
          );
          const [found] = await admin.fetchOffsets({ groupId, topics: [topic] });
          // At most those two.
          expect(Number(found?.partitions[0]?.offset)).toBeLessThanOrEqual(2);
        } finally {
          await Promise.all([admin.disconnect(), producer.disconnect()]);
        }
      },
    );
  },
);
