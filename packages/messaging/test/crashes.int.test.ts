import { fileURLToPath } from 'node:url';

import {
  createDatabase,
  eventually,
  openTransaction,
  startProcess,
  testStack,
  uniqueName,
} from '@orderflow/testing';
import { expect, test } from 'vitest';
import {
  appendOutbox,
  type BatchConsumerOptions,
  createBatchConsumer,
  createRelay,
  type Kafka,
  outboxMigration,
  relayStatus,
} from '../src/index.ts';
import {
  committed,
  message,
  outboxDatabase,
  produce,
  readTopic,
  recordingLogger,
  relayDatabase,
  running,
  testKafka,
  testMetrics,
  text,
} from './kit.ts';

const inbox = { name: 'inbox', partitions: 1, retention: 'unlimited' } as const;
const values = (count: number) => [...Array(count).keys()].map(String);

function program(name: string, kafka: Kafka, env: NodeJS.ProcessEnv) {
  return startProcess({
    command: process.execPath,
    args: [fileURLToPath(new URL(`programs/${name}.ts`, import.meta.url))],
    env: {
      BROKERS: testStack().urls.KAFKA_BROKERS,
      PREFIX: kafka.physicalName(''),
      ORDERFLOW_TEST: '1',
      ...env,
    },
  });
}

function reader(kafka: Kafka, handle: BatchConsumerOptions['handle']) {
  const { logger } = recordingLogger();
  const { meter } = testMetrics();
  const options = { kafka, groupId: 'readers', topics: ['inbox'], isOutage: () => false, logger, meter };
  return createBatchConsumer({ ...options, handle, sessionTimeoutMs: 1_000 });
}

for (const point of ['consumer-after-fetch', 'consumer-before-commit']) {
  test(`a consumer killed at ${point} has committed nothing, and its batch comes again`, async () => {
    const kafka = await testKafka([inbox]);
    await produce(kafka, 'inbox', values(5));
    await using victim = program('consumer', kafka, { CRASH_AT: `${point}#1` });
    expect(await victim.exited).toMatchObject({ signal: 'SIGKILL' });
    expect(victim.output().includes('handled')).toBe(point === 'consumer-before-commit');
    expect(await committed(kafka, 'readers', 'inbox')).toEqual([-1]);

    const seen: string[] = [];
    await using _ = await running(reader(kafka, async (records) => void seen.push(...records.map(text))));
    await eventually(async () => expect(await committed(kafka, 'readers', 'inbox')).toEqual([5]));
    expect(seen).toEqual(values(5));
  });
}

test('a killed consumer has committed its full batches: only the small one after them comes again', async () => {
  const kafka = await testKafka([inbox]);
  await produce(kafka, 'inbox', values(15));
  await using victim = program('consumer', kafka, { BATCH_SIZE: '10', CRASH_AT: 'consumer-before-commit#2' });
  expect(await victim.exited).toMatchObject({ signal: 'SIGKILL' });
  expect(victim.output()).toMatch(/handling 10 11 12 13 14\n.*handled/);
  expect(await committed(kafka, 'readers', 'inbox')).toEqual([10]);

  const seen: string[] = [];
  await using _ = await running(reader(kafka, async (records) => void seen.push(...records.map(text))));
  await eventually(async () => expect(await committed(kafka, 'readers', 'inbox')).toEqual([15]));
  expect(seen).toEqual(values(15).slice(10));
});

test('a consumer frozen for longer than its session learns that its batch is not its own, and commits nothing', async () => {
  const kafka = await testKafka([inbox]);
  await produce(kafka, 'inbox', values(10));
  await using zombie = program('consumer', kafka, { HOLD_MS: '60000' });
  await zombie.waitForLine(/handling 0 1 2 3 4 5 6 7 8 9/);
  zombie.freeze();

  const heir = await running(
    reader(kafka, async (records) => {
      const retryFrom = records.find((record) => record.offset >= 3n);
      return retryFrom === undefined ? {} : { retryFrom };
    }),
  );
  await using _ = heir;
  await eventually(async () => expect(await committed(kafka, 'readers', 'inbox')).toEqual([3]));
  zombie.thaw();

  expect(await zombie.waitForLine(/handled/)).toBe('handled, current: false, aborted: true');
  await heir.stop();
  // It is a member again, and begins where its heir has committed, not where its own batch ended.
  await zombie.waitForLine(/handling 3 4 5/);
  expect(await committed(kafka, 'readers', 'inbox')).toEqual([3]);
});

test('a rebalance waits for the running batch, whose commit counts', async () => {
  const kafka = await testKafka([inbox]);
  await produce(kafka, 'inbox', values(5));
  const first: string[] = [];
  const second: string[] = [];
  const { promise: inBatch, resolve: enter } = Promise.withResolvers<void>();
  const { promise: release, resolve: leave } = Promise.withResolvers<void>();
  await using one = await running(
    reader(kafka, async (records) => {
      enter();
      await release;
      first.push(...records.map(text));
    }),
  );
  await inBatch;
  const joining = running(reader(kafka, async (records) => void second.push(...records.map(text))));
  const start = performance.now();
  // Longer than the session: the running batch must survive the rebalance that waits for it.
  await eventually(() => performance.now() - start > 1_500);
  leave();
  await using _ = await joining;
  expect(await committed(kafka, 'readers', 'inbox')).toEqual([5]);

  await one.stop();
  await produce(kafka, 'inbox', ['5']);
  await eventually(() => first.length + second.length === 6);
  expect([...first, ...second]).toEqual(values(6));
});

test('a relay killed between the ack and the delete repeats events under the same ids, and loses none', async () => {
  const kafka = await testKafka([{ name: 'events', retention: 'unlimited' }]);
  const url = await createDatabase(uniqueName('outbox'));
  await using database = await outboxDatabase(url);
  for (const statement of outboxMigration) await database.query(statement);
  const messages = values(30).map((value) => message(`key-${Number(value) % 4}`, value));
  await database.transaction(async (transaction) => appendOutbox(transaction, messages));

  await using victim = program('relay', kafka, { DATABASE: url, CRASH_AT: 'relay-after-ack#2' });
  expect(await victim.exited).toMatchObject({ signal: 'SIGKILL' });
  expect(await relayStatus(database)).toMatchObject({ pending: 20 });

  const { logger } = recordingLogger();
  const { meter } = testMetrics();
  await using _ = await running(
    createRelay({
      ...relayDatabase(database),
      kafka,
      name: 'test',
      logger,
      meter,
      leaseMs: 1_000,
    }),
  );
  await eventually(async () => (await relayStatus(database)).pending === 0);

  const records = await readTopic(kafka, 'events');
  expect(records).toHaveLength(40);
  const firsts = new Map(records.map((record) => [record.headers['ce_id'], record] as const).reverse());
  expect(firsts.size).toBe(30);
  for (const key of ['key-0', 'key-1', 'key-2', 'key-3']) {
    const inOrder = [...firsts.values()]
      .filter((record) => record.key?.toString() === key)
      .sort((a, b) => Number(a.offset - b.offset))
      .map(text);
    expect(inOrder).toEqual(messages.filter((one) => one.key === key).map((one) => one.value.toString()));
  }
});

test('a relay whose lease ran out after it had read the outbox does not send what it read', async () => {
  const kafka = await testKafka([{ name: 'events', retention: 'unlimited' }]);
  await using database = await outboxDatabase();
  const { logger } = recordingLogger();
  const { meter } = testMetrics();
  const relay = createRelay({
    ...relayDatabase(database),
    kafka,
    name: 'test',
    logger,
    meter,
    leaseMs: 1_000,
    pollMs: 10,
  });
  await using _ = await running(relay);
  const holder = async () => (await database.query<{ holder: string }>('select holder from relay_lease'))[0];
  await eventually(async () => expect(await holder()).toBeDefined());

  // The lock delays the relay's poll of the outbox until another process has the lease.
  const blocker = await openTransaction(database);
  await blocker.transaction.query('lock table outbox in access exclusive mode');
  appendOutbox(blocker.transaction, [message('a', '1')]);
  await eventually(async () => {
    const [row] = await database.query<{ waiting: number }>(
      `select count(*)::int as waiting from pg_locks where not granted and relation = 'outbox'::regclass`,
    );
    expect(row?.waiting).toBe(1);
  });
  const usurp = `update relay_lease set holder = 'another process', expires_at = clock_timestamp() + interval '1 hour'
                 where expires_at < clock_timestamp() returning holder`;
  await eventually(async () => (await database.query(usurp)).length === 1);
  await blocker.commit();

  const pollsAgain = performance.now() + 1_000;
  await eventually(async () => {
    expect((await holder())?.holder).toBe('another process');
    expect(await readTopic(kafka, 'events')).toEqual([]);
    return performance.now() > pollsAgain;
  });
  await database.query('delete from relay_lease');
  await eventually(async () => (await relayStatus(database)).pending === 0);
  expect((await readTopic(kafka, 'events')).map(text)).toEqual(['1']);
});

test('a relay that lost its lease during a pass polls the outbox again before it sends more', async () => {
  const kafka = await testKafka([{ name: 'events', partitions: 1, retention: 'unlimited' }]);
  await using database = await outboxDatabase();
  // Each too large to be sent together with another, so that the pass has three sends.
  const large = ['1', '2', '3'].map((digit) => message('a', digit.repeat(500_000)));
  await database.transaction(async (transaction) => appendOutbox(transaction, large));
  const blocker = await openTransaction(database);
  await blocker.transaction.query('select from outbox where id = 1 for update');

  const { logger } = recordingLogger();
  const { meter } = testMetrics();
  await using _ = await running(
    createRelay({
      ...relayDatabase(database),
      kafka,
      name: 'test',
      logger,
      meter,
      leaseMs: 1_000,
    }),
  );
  await eventually(async () => expect(await readTopic(kafka, 'events')).toHaveLength(2));
  // While a delete holds it up, another relay takes the expired lease, moves the other rows, and stops.
  const takeOver = 'delete from relay_lease where expires_at < clock_timestamp() returning name';
  await eventually(async () => (await database.query(takeOver)).length === 1);
  await database.query('delete from outbox where id in (2, 3)');
  await blocker.rollback();

  await database.transaction(async (transaction) => appendOutbox(transaction, [message('a', '4')]));
  await eventually(async () => (await relayStatus(database)).pending === 0);
  expect((await readTopic(kafka, 'events')).map((record) => text(record)[0])).toEqual(['1', '2', '4']);
});
