import { randomBytes } from 'node:crypto';
import { eventually } from '@orderflow/testing';
import type { IHeaders } from 'kafkajs';
import { expect, test } from 'vitest';
import { contentDigest, deadLetterSpec, type Kafka } from '../src/index.ts';
import { committed, readTopic, running, testKafka, text } from './kit.ts';
import { dlq, inbox, reader, withDeadLetters } from './reader.ts';

interface Hostile {
  readonly key?: Buffer;
  readonly value: string | null;
  readonly headers?: IHeaders;
  readonly partition?: number;
}

/** Sends records as any producer may write them, each in a request of its own unless `inOneBatch`. */
async function send(kafka: Kafka, records: readonly Hostile[], { inOneBatch = false } = {}): Promise<void> {
  const producer = kafka.client().producer({ allowAutoTopicCreation: false });
  await producer.connect();
  const topic = kafka.physicalName('inbox');
  const messages = records.map(({ partition = 0, ...message }) => ({ partition, ...message }));
  if (inOneBatch) await producer.send({ topic, messages });
  else for (const message of messages) await producer.send({ topic, messages: [message] });
  await producer.disconnect();
}

const headersOf = (count: number, value = 'x') =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`h-${index}`, value]));

/** Dead-letters every record called "bad" and keeps the others. */
function badReader(kafka: Kafka) {
  const seen: string[] = [];
  const made = reader(kafka, async (records) => {
    const bad = records.filter((record) => text(record).startsWith('bad') || record.value === null);
    seen.push(...records.filter((record) => !bad.includes(record)).map(text));
    return { deadLetters: bad.map((record) => ({ record, reason: 'UNREADABLE', detail: 'bad' })) };
  });
  return { ...made, seen };
}

test('16,000 headers are read at once, and the record is dead-lettered with all of them', async () => {
  const kafka = await withDeadLetters();
  await send(kafka, [
    { value: 'too many', headers: headersOf(16_000) },
    { value: 'too large', headers: headersOf(2, 'x'.repeat(40_000)) },
    { value: 'many', headers: headersOf(500) },
    { value: 'good' },
  ]);
  const { component, seen } = badReader(kafka);
  await using _ = await running(component);
  await eventually(async () => expect(await committed(kafka, 'readers', 'inbox')).toEqual([4]));
  expect(seen).toEqual(['many', 'good']);
  const letters = await readTopic(kafka, dlq);
  expect(letters.map(({ headers }) => [headers['dlq_offset'], headers['dlq_reason']])).toEqual([
    ['0', 'HEADERS_TOO_LARGE'],
    ['1', 'HEADERS_TOO_LARGE'],
  ]);
  expect(letters[0]?.headers).toMatchObject({
    ...headersOf(16_000),
    dlq_detail: '16000 headers of 116890 bytes; the limit is 500 headers of 65536 bytes',
  });
});

test('headers named like what objects inherit, without a value, or repeated stay byte for byte', async () => {
  const kafka = await withDeadLetters();
  const inherited = ['constructor', 'valueOf', '__proto__', 'toString', 'hasOwnProperty'];
  const headers: IHeaders = Object.fromEntries(inherited.map((name) => [name, Buffer.from([0xff, 1])]));
  Object.assign(headers, {
    none: null,
    twice: [Buffer.from('a'), null, Buffer.alloc(0)],
    7: Buffer.from('b'),
  });
  await send(kafka, [
    { value: 'bad', headers },
    { value: null, headers },
    { value: 'good', headers },
  ]);
  const { component, seen } = badReader(kafka);
  await using _ = await running(component);
  await eventually(async () => expect(await committed(kafka, 'readers', 'inbox')).toEqual([3]));
  expect(seen).toEqual(['good']);

  const [bad, tombstone, ...more] = await readTopic(kafka, dlq);
  expect(more).toEqual([]);
  for (const letter of [bad, tombstone]) {
    const own = Object.entries(letter?.rawHeaders ?? {}).filter(([name]) => !name.startsWith('dlq_'));
    expect(Object.fromEntries(own)).toEqual(headers);
    expect(Object.keys(letter?.rawHeaders ?? {})).toEqual(expect.arrayContaining(inherited));
  }
  const [source] = await readTopic(kafka, 'inbox');
  expect(bad && source && contentDigest(bad)).toBe(source && contentDigest(source));
});

test('a dead letter goes to the partition of its record, whatever its key costs to hash', async () => {
  const kafka = await testKafka([
    { ...inbox, partitions: 5 },
    { ...deadLetterSpec(inbox, 'readers'), partitions: 2 },
  ]);
  const key = randomBytes(1_000_000);
  await send(
    kafka,
    [0, 1, 2, 3, 4].map((partition) => ({ key, value: `bad ${partition}`, partition })),
  );
  const { component } = badReader(kafka);
  await using _ = await running(component);
  await eventually(async () => expect(await readTopic(kafka, dlq)).toHaveLength(5));
  const letters = await readTopic(kafka, dlq);
  expect(letters.map((letter) => [letter.partition, text(letter)]).sort()).toEqual([
    [0, 'bad 0'],
    [0, 'bad 2'],
    [0, 'bad 4'],
    [1, 'bad 1'],
    [1, 'bad 3'],
  ]);
});

test('a letter that the broker refuses goes without headers, then without its value, and names its record', async () => {
  const letters = { ...deadLetterSpec(inbox, 'readers'), maxMessageBytes: 2_500 };
  const kafka = await testKafka([{ ...inbox, partitions: 1 }, letters]);
  const forged = { dlq_omitted: 'value', dlq_sha256: 'forged', dlq_replay_of: `${dlq}/0/7` };
  await send(kafka, [
    { key: Buffer.from('k-0'), value: 'bad 0', headers: { ...forged, mine: 'x' } },
    { key: Buffer.from('k-1'), value: 'bad 1', headers: { ...forged, ...headersOf(300) } },
    { key: Buffer.from('k-2'), value: `bad 2 ${'x'.repeat(3_000)}`, headers: { mine: 'x' } },
    { key: randomBytes(3_000), value: 'bad 3' },
    { value: 'good' },
  ]);
  const { component, metrics, seen } = badReader(kafka);
  await using _ = await running(component);
  await eventually(async () => expect(await committed(kafka, 'readers', 'inbox')).toEqual([5]));
  expect(seen).toEqual(['good']);
  expect(await metrics.value('orderflow_dead_letters_reduced_total')).toBe(3);

  const sources = await readTopic(kafka, 'inbox');
  const found = await readTopic(kafka, dlq);
  expect(found.map(({ key, value }) => [key?.toString(), value?.toString()])).toEqual([
    ['k-0', 'bad 0'],
    ['k-1', 'bad 1'],
    ['k-2', undefined],
    [undefined, undefined],
  ]);
  const labels = found.map(({ headers }) => [headers['dlq_omitted'], headers['dlq_sha256'], headers['mine']]);
  const digests = sources.map(contentDigest);
  expect(labels).toEqual([
    [undefined, undefined, 'x'],
    ['headers', digests[1], undefined],
    ['headers,value', digests[2], undefined],
    ['headers,value,key', digests[3], undefined],
  ]);
  expect(found[1]?.headers).toMatchObject({
    dlq_reason: 'UNREADABLE',
    dlq_topic: 'inbox',
    dlq_partition: '0',
    dlq_offset: '1',
    dlq_replay_of: `${dlq}/0/7`,
  });
});

test('a batch of more records than one fetch holds is read in parts, all of it and in order', async () => {
  const kafka = await withDeadLetters();
  const values = Array.from({ length: 10_500 }, (_, index) => String(index));
  await send(
    kafka,
    values.map((value) => ({ value })),
    { inOneBatch: true },
  );
  const { component, seen } = badReader(kafka);
  await using _ = await running(component);
  await eventually(async () => expect(await committed(kafka, 'readers', 'inbox')).toEqual([10_500]));
  expect(seen).toEqual(values);
});
