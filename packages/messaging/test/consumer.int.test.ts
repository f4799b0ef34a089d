import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@orderflow/testing';
import { expect, test } from 'vitest';
import { type BatchResult, createProducer, deadLetterSpec, type ReceivedRecord } from '../src/index.ts';
import { committed, produce, readTopic, running, testKafka, text } from './kit.ts';
import { dlq, inbox, Outage, reader, withDeadLetters } from './reader.ts';

/** What the handling of a fetch takes at least, in a test that counts how many there are. */
const workMs = 20;
const values = (count: number) => [...Array(count).keys()].map(String);

test('reads from the beginning in batches, and commits each after it was handled', async () => {
  const kafka = await withDeadLetters();
  await produce(kafka, 'inbox', values(25));
  const batches: string[][] = [];
  const before: number[][] = [];
  const { component, metrics } = reader(
    kafka,
    async (records) => {
      before.push(await committed(kafka, 'readers', 'inbox'));
      batches.push(records.map(text));
    },
    { batchSize: 10 },
  );
  await expect(component.check?.()).rejects.toThrow('has not joined the consumer group readers');
  await using _ = await running(component);

  await eventually(async () => expect(await committed(kafka, 'readers', 'inbox')).toEqual([25]));
  expect(batches).toEqual([values(25).slice(0, 10), values(25).slice(10, 20), values(25).slice(20)]);
  expect(before).toEqual([[-1], [10], [20]]);
  await component.check?.();
  await eventually(async () => expect(await metrics.value('orderflow_records_consumed_total')).toBe(25));
  expect(await metrics.value('orderflow_consumer_lag')).toBe(0);

  await produce(kafka, 'inbox', ['one more']);
  await eventually(async () => expect(await committed(kafka, 'readers', 'inbox')).toEqual([26]));
  expect(batches[3]).toEqual(['one more']);
});

test('delays the next fetch after a small one, so that records that arrive meanwhile are handled and committed together', async () => {
  const kafka = await withDeadLetters();
  const batches: string[][] = [];
  const { component } = reader(kafka, async (records) => void batches.push(records.map(text)), {
    minFetchDelayMs: 4_000,
  });
  await using _ = await running(component);

  await produce(kafka, 'inbox', ['first']);
  await eventually(async () => expect(await committed(kafka, 'readers', 'inbox')).toEqual([1]));
  for (const value of ['second', 'third', 'fourth']) await produce(kafka, 'inbox', [value]);
  await eventually(async () => expect(await committed(kafka, 'readers', 'inbox')).toEqual([4]));
  expect(batches).toEqual([['first'], ['second', 'third', 'fourth']]);
});

test('spends a quarter of the time on small fetches, so that records that keep arriving are handled together', async () => {
  const kafka = await withDeadLetters();
  const began: number[] = [];
  const seen: string[] = [];
  const { component } = reader(kafka, async (records) => {
    began.push(performance.now());
    await sleep(workMs);
    seen.push(...records.map(text));
  });
  await using _ = await running(component);
  for (const value of values(100)) {
    await produce(kafka, 'inbox', [value]);
    await sleep(5);
  }
  await eventually(() => seen.length === 100);

  expect(seen).toEqual(values(100));
  // The burst pays for one; the slower the machine, the longer the pauses.
  const pauses = began.length - 2;
  expect(pauses).toBeGreaterThan(2);
  expect(((began.at(-1) ?? 0) - (began[0] ?? 0)) / pauses).toBeGreaterThan(workMs * 3.5);
});

test('does not delay the next fetch after a large one', async () => {
  const kafka = await withDeadLetters();
  const seen: string[] = [];
  const { component } = reader(kafka, async (records) => void seen.push(...records.map(text)), {
    minFetchDelayMs: 60_000,
    batchSize: 10,
  });
  await using _ = await running(component);

  await produce(kafka, 'inbox', values(50));
  await eventually(() => seen.length === 50);
  await produce(kafka, 'inbox', values(50));
  await eventually(() => seen.length === 100);
  expect(seen).toEqual([...values(50), ...values(50)]);
});

test('does not delay the next fetch after one that large records have filled', async () => {
  const kafka = await withDeadLetters();
  const seen: number[] = [];
  const { component } = reader(
    kafka,
    async (records) => void seen.push(...records.map(({ value }) => value?.length ?? 0)),
    {
      minFetchDelayMs: 60_000,
    },
  );
  for (let n = 0; n < 8; n++) await produce(kafka, 'inbox', ['x'.repeat(450_000)]);
  // So that the last fetch is large, and the stop does not wait.
  await produce(kafka, 'inbox', values(50));
  await using _ = await running(component);
  await eventually(() => seen.length === 58);
  expect(seen.slice(0, 8)).toEqual(Array(8).fill(450_000));
});

test('a graceful stop finishes and commits the running batch, so that nothing comes twice', async () => {
  const kafka = await withDeadLetters();
  await produce(kafka, 'inbox', values(30));
  const seen: string[] = [];
  const { promise: inBatch, resolve: enter } = Promise.withResolvers<void>();
  const { promise: release, resolve: leave } = Promise.withResolvers<void>();
  const first = await running(
    reader(
      kafka,
      async (records) => {
        enter();
        await release;
        seen.push(...records.map(text));
      },
      { batchSize: 10 },
    ).component,
  );
  await inBatch;
  const stopped = first.stop();
  leave();
  await stopped;
  expect(seen).toEqual(values(30).slice(0, 10));

  await using _ = await running(
    reader(kafka, async (records) => void seen.push(...records.map(text))).component,
  );
  await eventually(async () => expect(await committed(kafka, 'readers', 'inbox')).toEqual([30]));
  expect(seen).toEqual(values(30));
});

test('an outage pauses and continues where it was: nothing dead-lettered, one line in the log at each end', async () => {
  const kafka = await withDeadLetters();
  await produce(kafka, 'inbox', values(5));
  let down = true;
  const tries: number[] = [];
  const seen: string[] = [];
  const { component, lines, metrics } = reader(kafka, async (records) => {
    tries.push(records.length);
    if (down) throw new Outage('the database is unavailable');
    seen.push(...records.map(text));
  });
  await using _ = await running(component);

  await eventually(() => tries.length >= 4);
  // No record is suspected, so none is tried alone.
  expect(new Set(tries)).toEqual(new Set([5]));
  expect(await metrics.value('orderflow_consumer_paused')).toBe(1);
  expect(await metrics.value('orderflow_consumer_lag')).toBe(5);
  expect(await committed(kafka, 'readers', 'inbox')).toEqual([-1]);
  down = false;
  await eventually(async () => expect(await committed(kafka, 'readers', 'inbox')).toEqual([5]));

  expect(seen).toEqual(values(5));
  expect(await readTopic(kafka, dlq)).toEqual([]);
  await eventually(async () => expect(await metrics.value('orderflow_consumer_paused')).toBe(0));
  expect(lines().filter((line) => line.msg.startsWith('partition'))).toMatchObject([
    { level: 'warn', topic: 'inbox', partition: 0, cause: 'the database is unavailable' },
    { level: 'info', topic: 'inbox', partition: 0 },
  ]);
});

test('other partitions continue while one pauses', async () => {
  const kafka = await testKafka([{ ...inbox, partitions: 2 }]);
  await produce(kafka, 'inbox', values(20));
  const seen = new Set<string>();
  const { component } = reader(kafka, async (records) => {
    if (records.some(({ partition }) => partition === 0)) throw new Outage('only there');
    for (const record of records) seen.add(text(record));
  });
  await using _ = await running(component);

  await eventually(() => seen.size > 0);
  const count = seen.size;
  await produce(kafka, 'inbox', values(60).slice(20));
  await eventually(() => seen.size > count + 5);
  expect((await committed(kafka, 'readers', 'inbox'))[0]).toBe(-1);
});

test('retryFrom commits up to the record that cannot be decided yet, and has it come again', async () => {
  const kafka = await withDeadLetters();
  await produce(kafka, 'inbox', values(10));
  let open = false;
  const seen: string[] = [];
  const { component, lines } = reader(kafka, async (records): Promise<BatchResult> => {
    const stop = open ? undefined : records.find((record) => text(record) === '4');
    const handled = stop === undefined ? records : records.filter((record) => record.offset < stop.offset);
    seen.push(...handled.map(text));
    return stop === undefined ? {} : { retryFrom: stop, retryCause: 'customer c-1 is not known yet' };
  });
  await using _ = await running(component);

  await eventually(async () => expect(await committed(kafka, 'readers', 'inbox')).toEqual([4]));
  open = true;
  await eventually(async () => expect(await committed(kafka, 'readers', 'inbox')).toEqual([10]));
  expect(seen).toEqual(values(10));
  expect(lines().find((line) => line.level === 'warn')).toMatchObject({
    cause: 'customer c-1 is not known yet',
  });
});

test('what the handler dead-letters is a dead letter byte for byte, with the reason, before the commit', async () => {
  const kafka = await withDeadLetters();
  const producer = createProducer(kafka);
  const poison = { key: Buffer.from([0xff, 0, 1]), value: Buffer.from([0xde, 0xad, 0xbe, 0xef, 0x80]) };
  const headers = {
    odd: Buffer.from([0xff, 0xfe]),
    twice: ['a', 'b'],
    empty: '',
    none: undefined,
    dlq_attempt: '2',
  };
  await producer.send([
    { topic: 'inbox', ...poison, headers },
    { topic: 'inbox', key: null, value: null },
    { topic: 'inbox', key: 'good', value: 'good' },
  ]);
  await producer.close();

  const seen: string[] = [];
  const { component, metrics, lines } = reader(kafka, async (records): Promise<BatchResult> => {
    const bad = records.filter((record) => text(record) !== 'good');
    seen.push(...records.filter((record) => !bad.includes(record)).map(text));
    return {
      deadLetters: bad.map((record) => ({ record, reason: 'UNREADABLE', detail: 'ö'.repeat(5_000) })),
    };
  });
  await using _ = await running(component);
  await eventually(async () => expect(await committed(kafka, 'readers', 'inbox')).toEqual([3]));

  const letters = (await readTopic(kafka, dlq)).sort((a, b) =>
    (a.headers['dlq_offset'] ?? '').localeCompare(b.headers['dlq_offset'] ?? ''),
  );
  expect(letters).toHaveLength(2);
  expect(letters[0]).toMatchObject({
    ...poison,
    rawHeaders: {
      odd: headers.odd,
      twice: [Buffer.from('a'), Buffer.from('b')],
      empty: Buffer.from(''),
      none: null,
    },
    headers: {
      dlq_reason: 'UNREADABLE',
      dlq_topic: 'inbox',
      dlq_partition: '0',
      dlq_offset: '0',
      dlq_group: 'readers',
      dlq_attempt: '3',
      dlq_detail: 'ö'.repeat(1_024),
    },
  });
  expect(letters[1]).toMatchObject({
    key: null,
    value: null,
    headers: { dlq_attempt: '1', dlq_offset: '1' },
  });
  expect(new Date(letters[0]?.headers['dlq_time'] ?? '').getTime()).toBeGreaterThan(Date.now() - 60_000);
  expect(seen).toEqual(['good']);
  const about = { topic: 'inbox', partition: 0, reason: 'UNREADABLE', detail: 'ö'.repeat(128) };
  const msg = 'record dead-lettered: UNREADABLE';
  expect(lines().filter(({ level }) => level === 'warn')).toMatchObject([
    { ...about, offset: '0', msg },
    { ...about, offset: '1', msg },
  ]);
  await eventually(async () => expect(await metrics.value('orderflow_records_dead_lettered_total')).toBe(2));
});

test('one record of 500 that makes the handler throw is found and dead-lettered, all others are handled', async () => {
  const kafka = await withDeadLetters();
  await produce(kafka, 'inbox', values(500));
  const seen = new Set<string>();
  const { component } = reader(kafka, async (records) => {
    if (records.some((record) => text(record) === '321')) throw new Error('321 breaks it');
    for (const record of records) seen.add(text(record));
  });
  await using _ = await running(component);

  await eventually(async () => expect(await committed(kafka, 'readers', 'inbox')).toEqual([500]));
  expect(seen).toEqual(new Set(values(500).filter((value) => value !== '321')));
  expect(await readTopic(kafka, dlq)).toMatchObject([
    { value: Buffer.from('321'), headers: { dlq_reason: 'PROCESSING_FAILED', dlq_detail: '321 breaks it' } },
  ]);
});

test('a flood of dead letters leaves a few lines in the log', async () => {
  const kafka = await withDeadLetters();
  await produce(kafka, 'inbox', values(30));
  const { component, lines } = reader(kafka, async (records): Promise<BatchResult> => {
    return { deadLetters: records.map((record: ReceivedRecord) => ({ record, reason: 'TEST', detail: '' })) };
  });
  await using _ = await running(component);
  await eventually(async () => expect(await committed(kafka, 'readers', 'inbox')).toEqual([30]));
  const warnings = lines().filter(({ level }) => level === 'warn');
  expect(warnings).toHaveLength(11);
  expect(warnings.at(-1)).toMatchObject({ count: 20 });
});

test('a batch that fails as a whole waits, and empties nothing into the dead letters', async () => {
  const kafka = await withDeadLetters();
  await produce(kafka, 'inbox', values(50));
  let broken = true;
  let tries = 0;
  const { component } = reader(kafka, async () => {
    tries += 1;
    if (broken) throw new TypeError('a bug');
  });
  await using _ = await running(component);

  await eventually(() => tries > 20);
  broken = false;
  await eventually(async () => expect(await committed(kafka, 'readers', 'inbox')).toEqual([50]));
  expect(await readTopic(kafka, dlq)).toEqual([]);
});

test('a dead letter that its topic refuses although it holds labels only is not lost: the partition waits', async () => {
  const kafka = await testKafka([inbox, { ...deadLetterSpec(inbox, 'readers'), maxMessageBytes: 100 }]);
  await produce(kafka, 'inbox', ['x'.repeat(2_000)]);
  let tries = 0;
  const { component, lines } = reader(kafka, async (records): Promise<BatchResult> => {
    tries += 1;
    return { deadLetters: records.map((record: ReceivedRecord) => ({ record, reason: 'TEST', detail: '' })) };
  });
  await using _ = await running(component);

  await eventually(() => tries >= 3);
  expect(await committed(kafka, 'readers', 'inbox')).toEqual([-1]);
  expect(lines().find((line) => line.level === 'warn')?.['cause']).toMatch(
    /inbox\.readers\.dlq.*max\.message\.bytes/,
  );
});

test('a slow batch keeps its partition for longer than the session', async () => {
  const kafka = await withDeadLetters();
  await produce(kafka, 'inbox', ['slow']);
  let calls = 0;
  const { component } = reader(
    kafka,
    async (_, { signal, isCurrent }) => {
      calls += 1;
      const start = performance.now();
      await eventually(() => performance.now() - start > 2_500 || signal.aborted);
      expect(isCurrent()).toBe(true);
    },
    { sessionTimeoutMs: 1_000 },
  );
  await using _ = await running(component);
  await eventually(async () => expect(await committed(kafka, 'readers', 'inbox')).toEqual([1]));
  expect(calls).toBe(1);
});

test('the marks that transactions leave in a topic are passed over, and leave no lag', async () => {
  const kafka = await withDeadLetters();
  const producer = kafka
    .client()
    .producer({ transactionalId: kafka.physicalName('tx'), maxInFlightRequests: 1 });
  await producer.connect();
  const send = async (value: string) => {
    const transaction = await producer.transaction();
    await transaction.send({ topic: kafka.physicalName('inbox'), messages: [{ value }] });
    return transaction;
  };
  await (await send('aborted')).abort();
  await (await send('committed')).commit();
  await producer.disconnect();

  const seen: string[] = [];
  const { component } = reader(kafka, async (records) => void seen.push(...records.map(text)));
  await using _ = await running(component);
  await eventually(async () => expect(await committed(kafka, 'readers', 'inbox')).toEqual([4]));
  expect(seen).toEqual(['committed']);
});

test('records that were deleted before they were read are logged as an error', async () => {
  const kafka = await withDeadLetters();
  await produce(kafka, 'inbox', values(5));
  const first = await running(reader(kafka, async () => {}).component);
  await eventually(async () => expect(await committed(kafka, 'readers', 'inbox')).toEqual([5]));
  await first.stop();
  await produce(kafka, 'inbox', values(10));
  const admin = kafka.client().admin();
  await admin.connect();
  await admin.fetchTopicOffsets(kafka.physicalName('inbox'));
  await admin.deleteTopicRecords({
    topic: kafka.physicalName('inbox'),
    partitions: [{ partition: 0, offset: '12' }],
  });
  await admin.disconnect();

  const seen: string[] = [];
  const { component, lines, metrics } = reader(
    kafka,
    async (records) => void seen.push(...records.map(text)),
  );
  await using _ = await running(component);
  await eventually(async () => expect(await committed(kafka, 'readers', 'inbox')).toEqual([15]));
  expect(seen).toEqual(['7', '8', '9']);
  expect(await metrics.value('orderflow_consumer_offsets_lost_total')).toBe(1);
  expect(lines().filter((line) => line.level === 'error')).toMatchObject([{ topic: 'inbox', partition: 0 }]);
});

test('a consumer that cannot continue says so through failed and check', async () => {
  const kafka = await withDeadLetters();
  const { component } = reader(kafka, async () => {}, { sessionTimeoutMs: 3_600_000 });
  await component.start();
  expect((await component.failed)?.message).toMatch(
    /consumer readers has stopped permanently: .*session timeout/,
  );
  await expect(component.check?.()).rejects.toThrow('has stopped permanently');
  await component.stop();
});
