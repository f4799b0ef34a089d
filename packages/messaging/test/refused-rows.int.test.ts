import { openTransaction } from '@orderflow/testing';
import { expect, test } from 'vitest';
import {
  appendOutbox,
  createProducer,
  createRelay,
  MAX_RECORD_BYTES,
  type OutboxMessage,
  RecordTooLargeError,
  recordBytes,
  relayStatus,
} from '../src/index.ts';
import { isAll, lowestRows, lowestRowsSql } from '../src/outbox/lowest-rows.ts';
import {
  message,
  type OutboxDatabase,
  outboxDatabase,
  readTopic,
  recordingLogger,
  relayDatabase,
  running,
  testKafka,
  testMetrics,
  text,
} from './kit.ts';

/** Rows as they were written before the outbox refused what no topic takes, or for a topic that takes less. */
const insertRows = (database: OutboxDatabase, key: string, count: number, bytes: number, failed = false) =>
  database.query(
    `insert into outbox (topic, key, value, headers, failed_reason, failed_time)
     select 'events', $1 || n, convert_to(repeat('x', $3::int), 'UTF8'), '{}', 'too large',
       case when $4::boolean then now() end
     from generate_series(1, $2::int) n`,
    [key, count, bytes, failed],
  );

interface Plan {
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
}

test('10,000 refused rows do not slow down a poll, also with a plan that was made when the outbox was empty', async () => {
  await using database = await outboxDatabase();
  const { transaction, rollback } = await openTransaction(database);
  // As connections of services are set up; see packages/storage.
  for (const setting of ['plan_cache_mode = force_generic_plan', 'enable_seqscan = off', 'enable_sort = off'])
    await transaction.query(`set local ${setting}`);
  await transaction.query(`prepare look (int, text[], bigint, bigint[]) as ${lowestRowsSql}`);
  const look = (sent: readonly string[]) => `execute look(500, '{}', 1000000, '{${sent}}')`;
  expect(await transaction.query(look([]))).toEqual([]);

  await insertRows(database, 'refused', 10_000, 700, true);
  await insertRows(database, 'refused', 10, 700);
  await insertRows(database, 'other', 10, 700);
  const others = await transaction.query<{ id: string }>(
    "select id from outbox where key like 'other%' order by id",
  );
  const excludesSent = look(others.slice(5).map(({ id }) => id));
  expect(await transaction.query(excludesSent)).toMatchObject(
    Array.from({ length: 5 }, (_, n) => ({ key: `other${n + 1}` })),
  );
  const [explained] = await transaction.query<{ 'QUERY PLAN': { Plan: Plan }[] }>(
    `explain (analyze, buffers, format json) ${excludesSent}`,
  );
  const plan = explained?.['QUERY PLAN'][0]?.Plan;
  await rollback();
  // The refused rows lie on more than 1,000 pages.
  expect((plan?.['Shared Hit Blocks'] ?? 1e6) + (plan?.['Shared Read Blocks'] ?? 1e6)).toBeLessThan(150);
});

test('some megabytes are read at once, however large the rows are, and it is known that there are more', async () => {
  await using database = await outboxDatabase();
  await insertRows(database, 'large', 12, 1_000_000);
  const connection = relayDatabase(database).relayConnection();
  const read = await lowestRows(connection, 500, [], []);
  expect(read.map(({ key }) => key)).toEqual(Array.from({ length: 9 }, (_, n) => `large${n + 1}`));
  expect(isAll(read, 500)).toBe(false);
  expect(await lowestRows(connection, 500, ['events'], [])).toEqual([]);

  await database.query('delete from outbox where id <= 9');
  expect(isAll(await lowestRows(connection, 500, [], []), 500)).toBe(true);
  await connection.close();
});

/** A message that takes so many bytes as a record. */
function sized(bytes: number): OutboxMessage {
  const small = message('a', '', 'events');
  const value = Buffer.alloc(bytes - recordBytes(small), 'x');
  return { ...small, headers: { ...small.headers, ce_ü: 'ä' }, value: value.subarray(17) };
}

test('a message larger than any topic accepts is refused before it is committed, and the largest accepted one is sent', async () => {
  await using database = await outboxDatabase();
  const kafka = await testKafka([{ name: 'events', retention: 'unlimited' }]);
  const largest = sized(MAX_RECORD_BYTES);
  expect(recordBytes(largest)).toBe(MAX_RECORD_BYTES);
  const append = (one: OutboxMessage) =>
    database.transaction(async (transaction) => appendOutbox(transaction, [message('b', '1'), one]));
  const error = await append(sized(MAX_RECORD_BYTES + 1)).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(RecordTooLargeError);
  expect(String(error)).toContain('topic events, key a');
  expect((await relayStatus(database)).pending).toBe(0);

  await append(largest);
  const producer = createProducer(kafka);
  await producer.send([largest]);
  await producer.close();
  expect((await readTopic(kafka, 'events')).map((record) => text(record).length)).toEqual([
    largest.value.length,
  ]);
});

test('scrapes that come close together count the outbox once, and not with what the relay works with', async () => {
  await using database = await outboxDatabase();
  const kafka = await testKafka([{ name: 'events', retention: 'unlimited' }]);
  const { logger } = recordingLogger();
  const metrics = testMetrics();
  let counts = 0;
  const readGauge = async <Row>() => {
    counts += 1;
    return [{ count: 7 }] as Row[];
  };
  const relay = createRelay({
    ...relayDatabase(database),
    readGauge,
    kafka,
    name: 'test',
    logger,
    meter: metrics.meter,
  });
  await using _ = await running(relay);
  for (let scrape = 0; scrape < 5; scrape++) {
    expect(await metrics.value('orderflow_outbox_pending')).toBe(7);
  }
  expect(counts).toBe(1);
});
