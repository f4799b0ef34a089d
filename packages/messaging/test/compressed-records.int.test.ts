import { eventually } from '@orderflow/testing';
import { CompressionTypes } from 'kafkajs';
import { expect, test } from 'vitest';
import { MAX_EXPANDED_BYTES } from '../src/compression.ts';
import { type Kafka, openTopicOffsets, readRanges, UndecodableBatchError } from '../src/index.ts';
import { committed, running, text } from './kit.ts';
import { compressedTopic, reader } from './reader.ts';

const { GZIP, Snappy, LZ4, ZSTD } = CompressionTypes;

async function send(kafka: Kafka, compression: CompressionTypes, values: string[], partition = 0) {
  const producer = kafka.client().producer({ allowAutoTopicCreation: false });
  await producer.connect();
  const messages = values.map((value) => ({ value, partition }));
  await producer.send({ topic: kafka.physicalName('inbox'), compression, messages });
  await producer.disconnect();
}

test('records in every compression that the broker keeps are handled', async () => {
  const kafka = await compressedTopic();
  const expected: string[] = [];
  for (const [index, codec] of [Snappy, LZ4, ZSTD, GZIP].entries()) {
    const values = Array.from({ length: 20 }, (_, one) => `${index}/${one} ${'abc'.repeat(2_000)}`);
    await send(kafka, codec, values);
    expected.push(...values);
  }
  const seen: string[] = [];
  const { component } = reader(kafka, async (records) => void seen.push(...records.map(text)));
  await using _ = await running(component);
  await eventually(async () => expect(await committed(kafka, 'readers', 'inbox')).toEqual([80]));
  expect(seen).toEqual(expected);
});

test('a batch that expands without end pauses its partition, loudly; what is before it and elsewhere continues', async () => {
  const kafka = await compressedTopic(2);
  await send(kafka, ZSTD, ['before']);
  await send(kafka, ZSTD, ['\0'.repeat(MAX_EXPANDED_BYTES), 'beside it']);
  await send(kafka, ZSTD, ['after']);
  await send(kafka, LZ4, ['elsewhere'], 1);
  const seen: string[] = [];
  const { component, lines, metrics } = reader(
    kafka,
    async (records) => void seen.push(...records.map(text)),
  );
  await using _ = await running(component);
  await eventually(async () => {
    expect(await committed(kafka, 'readers', 'inbox')).toEqual([1, 1]);
    expect(await metrics.value('orderflow_consumer_paused')).toBe(1);
    expect(await metrics.value('orderflow_consumer_lag')).toBe(3);
  });
  await send(kafka, LZ4, ['elsewhere, later'], 1);
  await eventually(() => expect(seen.toSorted()).toEqual(['before', 'elsewhere', 'elsewhere, later']));
  await component.check?.();
  expect(lines().filter(({ level }) => level === 'warn')).toMatchObject([
    { cause: expect.stringContaining('inbox/0: the record batch with the offsets 1 to 2 cannot be decoded') },
  ]);

  await using offsets = await openTopicOffsets(kafka);
  const ranges = (await offsets.ranges('inbox')) ?? [];
  const read: string[] = [];
  const whole = readRanges({
    kafka,
    topic: 'inbox',
    ranges,
    handle: (some) => void read.push(...some.map(text)),
  });
  await expect(whole).rejects.toThrow(UndecodableBatchError);
  await expect(whole).rejects.toMatchObject({ topic: 'inbox', partition: 0, baseOffset: 1n, lastOffset: 2n });
  read.length = 0;
  const passedOver: unknown[] = [];
  await readRanges({
    kafka,
    topic: 'inbox',
    ranges,
    handle: (some) => void read.push(...some.map(text)),
    onUndecodable: ({ baseOffset, lastOffset }) => void passedOver.push([baseOffset, lastOffset]),
  });
  expect(read.toSorted()).toEqual(['after', 'before', 'elsewhere', 'elsewhere, later']);
  expect(passedOver).toEqual([[1n, 2n]]);
});
