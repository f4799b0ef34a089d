import { eventually } from '@orderflow/testing';
import { expect, test } from 'vitest';
import { connectTopicOffsets, type Kafka, lagsOf } from '../src/index.ts';
import { committed, readTopic, running, text } from './kit.ts';
import { dlq, Outage, reader, sendTo, withDeadLetters } from './reader.ts';

// Side by side: each of them waits, the longest for ten seconds.

const paused = 'orderflow_consumer_paused';
const lag = 'orderflow_consumer_lag';

async function withAdmin<T>(
  kafka: Kafka,
  run: (admin: ReturnType<ReturnType<Kafka['client']>['admin']>) => T,
) {
  const admin = kafka.client().admin();
  await admin.connect();
  try {
    return await run(admin);
  } finally {
    await admin.disconnect();
  }
}

test.concurrent('partitions that were paused when they moved away are read when they come back', async () => {
  const kafka = await withDeadLetters(4);
  await sendTo(kafka, { 0: ['a', 'b'], 1: ['c', 'd'], 2: ['e', 'f'], 3: ['g', 'h'] });
  let down = true;
  const seen: string[] = [];
  const tries = [0, 0, 0, 0];
  const handle = async (records: Parameters<typeof text>[0][]) => {
    for (const partition of new Set(records.map((record) => record.partition))) {
      tries[partition] = (tries[partition] ?? 0) + 1;
    }
    if (down) throw new Outage('the database is unavailable');
    seen.push(...records.map(text));
  };
  const first = reader(kafka, handle);
  await using _ = await running(first.component);
  await eventually(async () => expect(await first.metrics.value(paused)).toBe(4));
  // Until they pause for seconds: what pauses for less continues while the group shares out its partitions.
  await eventually(() => expect(Math.min(...tries)).toBeGreaterThanOrEqual(8), { timeoutMs: 60_000 });

  const second = reader(kafka, handle);
  const running2 = await running(second.component);
  await eventually(async () => {
    expect(await first.metrics.value(paused)).toBe(2);
    expect(await second.metrics.value(paused)).toBe(2);
    expect(await first.metrics.value(lag)).toBe(4);
    expect(await second.metrics.value(lag)).toBe(4);
  });
  await running2.stop();
  // What came back waits again, for the same reason.
  await eventually(async () => expect(await first.metrics.value(paused)).toBe(4));
  expect(await first.metrics.value(lag)).toBe(8);

  down = false;
  await eventually(async () => expect(await committed(kafka, 'readers', 'inbox')).toEqual([2, 2, 2, 2]));
  expect(seen.sort()).toEqual([...'abcdefgh']);
  expect(await first.metrics.value(paused)).toBe(0);
  await eventually(async () => expect(await first.metrics.value(lag)).toBe(0));
}, 120_000);

test.concurrent('the lag of each partition is reported while it pauses or has no records, and is gone with the partition', async () => {
  const kafka = await withDeadLetters(2);
  const first = reader(kafka, async ([record]) => {
    throw new Outage(`not ${record && text(record)}`);
  });
  await using _ = await running(first.component);
  await eventually(async () => expect(await first.metrics.series(lag)).toEqual({ '0': 0, '1': 0 }));

  await sendTo(kafka, { 0: ['a'] });
  await eventually(async () => expect(await first.metrics.value(paused)).toBe(1));
  expect(first.lines().find(({ level }) => level === 'warn')).toMatchObject({ partition: 0, offset: '0' });
  // These come while it pauses.
  await sendTo(kafka, { 0: ['b', 'c'] });
  await eventually(async () => expect(await first.metrics.series(lag)).toEqual({ '0': 3, '1': 0 }));

  const second = reader(kafka, async () => {
    throw new Outage('neither');
  });
  await using __ = await running(second.component);
  await eventually(async () => {
    const both = [await first.metrics.series(lag), await second.metrics.series(lag)];
    expect(both).toContainEqual({ '0': 3 });
    expect(both).toContainEqual({ '1': 0 });
  });
});

test.concurrent('an aborted transaction as the last records of a partition leaves nothing to be read', async () => {
  const kafka = await withDeadLetters();
  const seen: string[] = [];
  const { component, metrics } = reader(kafka, async (records) => void seen.push(...records.map(text)));
  await using _ = await running(component);
  await sendTo(kafka, { 0: ['before'] });
  await eventually(() => expect(seen).toEqual(['before']));
  const producer = kafka
    .client()
    .producer({ transactionalId: kafka.physicalName('tx'), maxInFlightRequests: 1 });
  await producer.connect();
  const transaction = await producer.transaction();
  await transaction.send({ topic: kafka.physicalName('inbox'), messages: [{ value: 'x' }, { value: 'y' }] });
  await transaction.abort();
  await producer.disconnect();

  // Two records and the mark of the abort.
  await eventually(async () => expect(await committed(kafka, 'readers', 'inbox')).toEqual([4]));
  const connection = connectTopicOffsets(kafka);
  const lags = await connection.ask((offsets) => lagsOf(offsets, 'inbox', 'readers'));
  connection.close();
  expect(lags).toEqual([{ partition: 0, lag: 0n }]);
  expect(await metrics.value(lag)).toBe(0);
  await sendTo(kafka, { 0: ['after'] });
  await eventually(() => expect(seen).toEqual(['before', 'after']));
});

test.concurrent('partitions that are added while the group runs are read within seconds', async () => {
  const kafka = await withDeadLetters(1);
  const seen: string[] = [];
  const { component, metrics } = reader(kafka, async (records) => void seen.push(...records.map(text)));
  await using _ = await running(component);
  await sendTo(kafka, { 0: ['old'] });
  await eventually(() => expect(seen).toEqual(['old']));
  const topic = kafka.physicalName('inbox');
  await withAdmin(kafka, (admin) => admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] }));
  // A partition that metadata name may still refuse records, and kafkajs would send them to all partitions again.
  await eventually(async () => {
    expect(await withAdmin(kafka, (admin) => admin.fetchTopicOffsets(topic))).toHaveLength(3);
  });
  await sendTo(kafka, { 1: ['new'], 2: ['newer'] });
  await eventually(() => expect([...seen].sort()).toEqual(['new', 'newer', 'old']), { timeoutMs: 30_000 });
  await eventually(async () => expect(await metrics.series(lag)).toEqual({ '0': 0, '1': 0, '2': 0 }));
}, 60_000);

test.concurrent('lone records that fail wherever they are wait, for as long as nothing else is handled', async () => {
  const kafka = await withDeadLetters(2);
  await sendTo(kafka, { 0: ['here'], 1: ['there'] });
  const tries = { here: [] as number[], there: [] as number[] };
  let broken = true;
  const { component, lines, metrics } = reader(kafka, async (records) => {
    // Both come in one call at first; what is blamed is a record that is tried alone.
    if (records.length === 1) tries[records.map(text).join() as keyof typeof tries].push(performance.now());
    if (broken) throw new Error('an outage that nobody thought of');
  });
  await using _ = await running(component);

  // One more than those after which a record would be blamed if others were handled.
  const isLongEnough = (times: number[]) =>
    times.length > 5 && (times.at(-2) ?? 0) - (times[0] ?? 0) >= 10_000;
  await eventually(() => isLongEnough(tries.here) && isLongEnough(tries.there), { timeoutMs: 40_000 });
  expect(await committed(kafka, 'readers', 'inbox')).toEqual([-1, -1]);
  expect(await metrics.value('orderflow_consumer_paused')).toBe(2);
  expect(await metrics.value('orderflow_consumer_lag')).toBe(2);
  expect(lines().filter(({ level }) => level === 'warn')).toMatchObject([
    { cause: 'an outage that nobody thought of' },
    { cause: 'an outage that nobody thought of' },
  ]);
  broken = false;
  await eventually(async () => expect(await committed(kafka, 'readers', 'inbox')).toEqual([1, 1]));
  expect(await readTopic(kafka, dlq)).toEqual([]);
}, 60_000);

test.concurrent('a lone record that fails waits for the next on its partition, which shows that it is to blame', async () => {
  const kafka = await withDeadLetters();
  // As large as they come: both have to be there in one fetch.
  const poison = 'poison'.padEnd(1_000_000);
  const good = 'good'.padEnd(1_000_000);
  await sendTo(kafka, { 0: [poison] });
  const seen: string[] = [];
  const { component, metrics } = reader(kafka, async (records) => {
    if (records.some((record) => text(record) === poison)) throw new Error('always');
    seen.push(...records.map(text));
  });
  await using _ = await running(component);
  await eventually(async () => expect(await metrics.value('orderflow_consumer_paused')).toBe(1));

  await sendTo(kafka, { 0: [good] });
  await eventually(async () => expect(await committed(kafka, 'readers', 'inbox')).toEqual([2]));
  expect(new Set(seen)).toEqual(new Set([good]));
  expect(await readTopic(kafka, dlq)).toMatchObject([{ value: Buffer.from(poison) }]);
  expect(await metrics.value('orderflow_consumer_paused')).toBe(0);
});

test.concurrent('a single record that fails while other partitions continue is dead-lettered after ten seconds of tries', async () => {
  const kafka = await withDeadLetters(2);
  await sendTo(kafka, { 0: ['lonely'] });
  const tries: number[] = [];
  const { component } = reader(kafka, async (records) => {
    if (records.every(({ partition }) => partition === 1)) return;
    if (records.length === 1) tries.push(performance.now());
    throw new Error('always');
  });
  await using _ = await running(component);

  await eventually(
    async () => {
      await sendTo(kafka, { 1: ['good'] });
      expect((await committed(kafka, 'readers', 'inbox'))[0]).toBe(1);
    },
    { timeoutMs: 40_000 },
  );
  expect(tries.length).toBeGreaterThanOrEqual(5);
  expect((tries.at(-1) ?? 0) - (tries[0] ?? 0)).toBeGreaterThanOrEqual(10_000);
  expect(await readTopic(kafka, dlq)).toMatchObject([{ value: Buffer.from('lonely') }]);
}, 60_000);
