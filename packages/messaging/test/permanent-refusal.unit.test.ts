import { expect, test } from 'vitest';
import {
  createKafka,
  createProducer,
  type DeadLetter,
  isPermanentRefusal,
  sendDeadLetters,
} from '../src/index.ts';
import { UnencodableRecordError } from '../src/kafka-error.ts';
import { recordingLogger } from './kit.ts';

const deadLetters: DeadLetter = {
  record: {
    topic: 'inbox',
    partition: 0,
    offset: 7n,
    key: null,
    value: Buffer.from('value'),
    headers: {},
    rawHeaders: { mine: Buffer.from('x') },
    timestamp: new Date(0),
  },
  reason: 'UNREADABLE',
  detail: 'bad',
};

test('an error inside kafkajs refuses no letter: it may be the outage', async () => {
  const sent: number[] = [];
  const producer = {
    async send(records: readonly unknown[]) {
      sent.push(records.length);
      throw new TypeError("Cannot read properties of undefined (reading 'nodeId')");
    },
    async close() {},
  };
  await expect(sendDeadLetters(producer, 'readers', [deadLetters])).rejects.toThrow(/nodeId/);
  expect(sent).toEqual([1]);
});

test('what no client can encode is refused permanently, before Kafka is asked', async () => {
  const { logger } = recordingLogger();
  const nowhere = { brokers: ['127.0.0.1:1'], clientId: 'test', topicPrefix: '', logger };
  const producer = createProducer(createKafka(nowhere));
  const fine = { topic: 'inbox', key: 'k', value: null, headers: { none: undefined, twice: ['a', 'b'] } };
  for (const odd of [{ value: 1 }, { key: {} }, { headers: { n: 1 } }, { headers: { list: ['a', 2] } }]) {
    const error = await producer.send([fine, { ...fine, ...(odd as object) }]).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(UnencodableRecordError);
    expect(isPermanentRefusal(error)).toBe(true);
  }
});
