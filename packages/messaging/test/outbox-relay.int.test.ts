import { setTimeout as sleep } from 'node:timers/promises';
import type { Component } from '@orderflow/runtime';
import { eventually, openTransaction, uniqueName } from '@orderflow/testing';
import { expect, test } from 'vitest';
import {
  appendOutbox,
  createRelay,
  type Kafka,
  notifyRelays,
  type OutboxMessage,
  type RelayOptions,
  relayStatus,
} from '../src/index.ts';
import { createLease } from '../src/outbox/lease.ts';
import {
  message,
  type OutboxDatabase,
  outboxDatabase,
  outboxRows,
  readTopic,
  recordingLogger,
  relayDatabase,
  running,
  testKafka,
  testMetrics,
  text,
} from './kit.ts';

const events = { name: 'events', retention: 'unlimited' } as const;

function relay(
  database: OutboxDatabase,
  kafka: Kafka,
  options: Partial<Pick<RelayOptions, 'leaseMs' | 'batchSize' | 'pollMs' | 'relayConnection'>> = {},
) {
  const { logger, lines } = recordingLogger();
  const metrics = testMetrics();
  const component = createRelay({
    ...relayDatabase(database),
    kafka,
    name: 'test',
    logger,
    meter: metrics.meter,
    pollMs: 10,
    ...options,
  });
  return { component, lines, metrics };
}

const drained = (database: OutboxDatabase) =>
  eventually(async () => (await relayStatus(database)).pending === 0);

test('messages are published only if their transaction commits', async () => {
  await using database = await outboxDatabase();
  const kafka = await testKafka([events]);
  await using _ = await running(relay(database, kafka).component);

  const rollback = database.transaction(async (transaction) => {
    appendOutbox(transaction, [message('a', 'rolled back')]);
    throw new Error('no');
  });
  await expect(rollback).rejects.toThrow('no');
  await database.transaction(async (transaction) =>
    appendOutbox(transaction, [message('a', 'committed'), message('b', '"\\\0,{}')]),
  );

  await drained(database);
  const records = await readTopic(kafka, 'events');
  expect(records.map(text).sort()).toEqual(['"\\\0,{}', 'committed']);
  expect(records.find((record) => text(record) === 'committed')).toMatchObject({
    key: Buffer.from('a'),
    headers: { ce_id: 'a/committed' },
  });
});

test('keeps the order per key while transactions append side by side, and counts what it moved', async () => {
  await using database = await outboxDatabase();
  const kafka = await testKafka([events]);
  const { component, metrics } = relay(database, kafka, { batchSize: 20 });
  await using _ = await running(component);

  const keys = ['a', 'b', 'c', 'd', 'e', 'f'];
  await Promise.all(
    keys.map(async (key) => {
      for (let n = 0; n < 40; n += 2) {
        await database.transaction(async (transaction) => {
          appendOutbox(transaction, [message(key, `${n}`), message(key, `${n + 1}`)]);
          await sleep(Math.random() * 5);
        });
      }
    }),
  );

  await drained(database);
  const records = await readTopic(kafka, 'events');
  for (const key of keys) {
    const values = records
      .filter((record) => record.key?.toString() === key)
      .map((record) => Number(text(record)));
    expect(values).toEqual([...Array(40).keys()]);
  }
  expect(await metrics.value('orderflow_outbox_relayed_total')).toBe(240);
});

/** The connection of a relay, and the times of its statements, each of which takes `delayMs` longer. */
function watched(
  database: OutboxDatabase,
  delayMs = 0,
): {
  relayConnection: RelayOptions['relayConnection'];
  polls: number[];
} {
  const polls: number[] = [];
  return {
    polls,
    relayConnection() {
      const connection = relayDatabase(database).relayConnection();
      return {
        ...connection,
        async query(text, values) {
          polls.push(performance.now());
          if (delayMs > 0) await sleep(delayMs);
          return connection.query(text, values);
        },
      };
    },
  };
}

/** Far longer than a test may take. */
const never = 3_600_000;

/** Waits until notifications arrive, so that an empty outbox is no longer polled. */
const notified = (polls: readonly number[]) =>
  eventually(() => performance.now() - (polls.at(-1) ?? Number.POSITIVE_INFINITY) > 300);

test('a commit of another process that fills the outbox ends its wait', async () => {
  await using database = await outboxDatabase();
  await using elsewhere = await outboxDatabase(database.url);
  notifyRelays(elsewhere);
  const kafka = await testKafka([events]);
  const { relayConnection, polls } = watched(database);
  await using _ = await running(relay(database, kafka, { relayConnection, pollMs: never }).component);
  await notified(polls);

  for (const text of ['first', 'second', 'third']) {
    await elsewhere.transaction(async (transaction) => appendOutbox(transaction, [message('a', text)]));
    await drained(database);
  }
});

test('a commit of which no notification came is found by polling', async () => {
  await using database = await outboxDatabase();
  await using elsewhere = await outboxDatabase(database.url);
  const kafka = await testKafka([events]);
  const { relayConnection, polls } = watched(database);
  await using _ = await running(relay(database, kafka, { relayConnection, pollMs: 1_000 }).component);
  await notified(polls);
  await elsewhere.transaction(async (transaction) => appendOutbox(transaction, [message('a', '1')]));
  await drained(database);
});

test('while no notification can arrive it polls, until it listens again', async () => {
  await using database = await outboxDatabase();
  await using elsewhere = await outboxDatabase(database.url);
  const kafka = await testKafka([events]);
  const { relayConnection, polls } = watched(database);
  await using _ = await running(relay(database, kafka, { relayConnection, pollMs: never }).component);
  await notified(polls);
  await elsewhere.transaction(async (transaction) => appendOutbox(transaction, [message('a', '1')]));

  const ended = await database.query(`select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and query like 'listen %'`);
  expect(ended).toHaveLength(1);
  await drained(database);
  await notified(polls);
});

test('spends a quarter of the time on small polls, so that rows that keep coming are sent together', async () => {
  await using database = await outboxDatabase();
  const kafka = await testKafka([events]);
  const { relayConnection, polls } = watched(database, 10);
  const { component, metrics } = relay(database, kafka, { relayConnection, pollMs: never });
  await using _ = await running(component);
  await notified(polls);
  const before = polls.length;
  const began = performance.now();
  for (let n = 0; n < 100; n++) {
    await database.transaction(async (transaction) => appendOutbox(transaction, [message('a', `${n}`)]));
    await sleep(5);
  }
  await drained(database);

  // Two statements that take 10 ms each, and three times as long a pause. The burst pays for two polls.
  const statements = polls.length - before;
  expect(statements).toBeGreaterThan(6);
  expect(performance.now() - began).toBeGreaterThan((statements / 2 - 2) * 70);
  expect(await metrics.value('orderflow_outbox_relayed_total')).toBe(100);
});

test('a commit of its own process that fills the outbox ends its wait, and no other commit does', async () => {
  await using database = await outboxDatabase();
  const kafka = await testKafka([events]);
  const { relayConnection, polls } = watched(database);
  await using _ = await running(relay(database, kafka, { relayConnection, pollMs: never }).component);
  await notified(polls);
  const before = polls.length;

  await database.transaction(async (transaction) => {
    await transaction.query('delete from outbox');
  });
  await database.transaction(async (transaction) => {
    appendOutbox(transaction, [message('a', '1')]);
    expect(polls).toHaveLength(before);
  });
  await drained(database);
});

test('a row whose transaction commits after one with a higher id is not skipped', async () => {
  await using database = await outboxDatabase();
  const kafka = await testKafka([events]);
  await using _ = await running(relay(database, kafka).component);

  const slow = await openTransaction(database);
  appendOutbox(slow.transaction, [message('slow', 'lower id')]);
  await slow.transaction.query('select 1');
  await database.transaction(async (transaction) =>
    appendOutbox(transaction, [message('fast', 'higher id')]),
  );
  await eventually(async () => (await readTopic(kafka, 'events')).length === 1);
  await slow.commit();

  await drained(database);
  expect((await readTopic(kafka, 'events')).map(text).sort()).toEqual(['higher id', 'lower id']);
});

/** A relay of two rows at a time; `beforeSecond` runs before it reads for the second time. */
function relayOfTwo(database: OutboxDatabase, kafka: Kafka, beforeSecond: () => Promise<void>) {
  let reads = 0;
  const relayConnection = () => {
    const connection = relayDatabase(database).relayConnection();
    return {
      ...connection,
      async query<Row>(text: string, values?: readonly unknown[]) {
        if (text.includes('select id, topic') && ++reads === 2) await beforeSecond();
        return connection.query<Row>(text, values);
      },
    };
  };
  return relay(database, kafka, { batchSize: 2, relayConnection }).component;
}
const append = (database: OutboxDatabase, ...messages: OutboxMessage[]) =>
  database.transaction(async (transaction) => appendOutbox(transaction, messages));
const otherKeys = ['a', 'b', 'c', 'd', 'e'];
const others = otherKeys.map((key) => message(key, key));

/** Runs the relay until the outbox is empty; returns what it has published of other keys than those of `others`. */
async function publishedWithoutOthers(component: Component, database: OutboxDatabase, kafka: Kafka) {
  await using _ = await running(component);
  await drained(database);
  const values = (await readTopic(kafka, 'events')).map(text);
  return values.filter((value) => !otherKeys.includes(value));
}

test('in the middle of a backlog no row overtakes one of its key whose transaction commits late', async () => {
  await using database = await outboxDatabase();
  const kafka = await testKafka([{ ...events, partitions: 1 }]);
  const late = await openTransaction(database);
  appendOutbox(late.transaction, [message('k', 'first')]);
  await late.transaction.query('select 1');
  await append(database, ...others);
  const component = relayOfTwo(database, kafka, async () => {
    await late.commit();
    await append(database, message('k', 'second'));
  });
  expect(await publishedWithoutOthers(component, database, kafka)).toEqual(['first', 'second']);
});

test('in the middle of a backlog no row overtakes one of its key that is to be tried again', async () => {
  await using database = await outboxDatabase();
  const kafka = await testKafka([{ ...events, partitions: 1 }]);
  await append(database, message('k', 'first'));
  await database.query("update outbox set failed_reason = 'too large', failed_time = now()");
  await append(database, ...others, message('k', 'second'));
  const component = relayOfTwo(database, kafka, async () => {
    await database.query('update outbox set failed_reason = null, failed_time = null');
  });
  expect(await publishedWithoutOthers(component, database, kafka)).toEqual(['first', 'second']);
});

test('rows of a backlog whose deletion failed are deleted later, and are not sent again', async () => {
  await using database = await outboxDatabase();
  const kafka = await testKafka([{ ...events, partitions: 1 }]);
  const values = Array.from({ length: 10 }, (_, n) => `${n}`);
  await append(database, ...values.map((value) => message('k', value)));
  let failures = 0;
  const relayConnection = () => {
    const connection = relayDatabase(database).relayConnection();
    return {
      ...connection,
      query: <Row>(text: string, parameters?: readonly unknown[]) => {
        if (text.startsWith('delete') && failures++ < 3) throw new Error('the connection was lost');
        return connection.query<Row>(text, parameters);
      },
    };
  };
  await using _ = await running(relay(database, kafka, { relayConnection, batchSize: 2 }).component);
  await drained(database);
  expect((await readTopic(kafka, 'events')).map(text)).toEqual(values);
  expect(failures).toBeGreaterThan(3);
});

test('a row too large for its topic is marked, and delays only its own key', async () => {
  await using database = await outboxDatabase();
  const kafka = await testKafka([{ ...events, maxMessageBytes: 10_000 }]);
  await database.transaction(async (transaction) =>
    appendOutbox(transaction, [
      message('a', '1'),
      message('big', 'before'),
      message('big', 'x'.repeat(20_000)),
      message('big', 'after'),
      message('b', '1'),
    ]),
  );
  const { component, lines, metrics } = relay(database, kafka);
  await using _ = await running(component);

  await eventually(async () => (await relayStatus(database)).pending === 2);
  await database.transaction(async (transaction) =>
    appendOutbox(transaction, [message('big', 'later'), message('c', '1')]),
  );
  await eventually(async () => (await relayStatus(database)).pending === 3);

  expect(
    new Set((await readTopic(kafka, 'events')).map((record) => `${record.key} ${text(record)}`)),
  ).toEqual(new Set(['a 1', 'b 1', 'c 1', 'big before']));
  expect(await relayStatus(database)).toMatchObject({ failed: 1, oldest: expect.any(Date) });
  expect((await outboxRows(database))[0]?.failed_reason).toMatch(/larger than the max message size/i);
  expect(await metrics.value('orderflow_outbox_unsendable_total')).toBe(1);
  expect(lines().filter((line) => line.level === 'error')).toMatchObject([{ key: 'big', topic: 'events' }]);

  // What an operator does once the cause is gone.
  await database.query(`delete from outbox where length(value) > 10000`);
  await drained(database);
  const big = (await readTopic(kafka, 'events')).filter((record) => record.key?.toString() === 'big');
  expect(new Set(big.map(text))).toEqual(new Set(['before', 'after', 'later']));
});

test('a topic that does not exist holds back its own rows only', async () => {
  await using database = await outboxDatabase();
  const kafka = await testKafka([events]);
  await database.transaction(async (transaction) =>
    appendOutbox(transaction, [message('a', '1', 'nowhere'), message('a', '1')]),
  );
  const { component, lines } = relay(database, kafka);
  await using _ = await running(component);

  await eventually(async () => (await readTopic(kafka, 'events')).length > 0);
  await eventually(async () => (await relayStatus(database)).pending === 1);
  expect(await relayStatus(database)).toMatchObject({ pending: 1, failed: 0 });
  expect(lines().filter((line) => line.level === 'error')).toMatchObject([{ topic: 'nowhere' }]);
});

test('a second relay waits, takes over at once when the first stops, and after the lease when it dies', async () => {
  await using database = await outboxDatabase();
  const kafka = await testKafka([events]);
  const dead = createLease(database, { name: 'test', holder: 'a relay that was killed', leaseMs: 1_500 });
  expect(await dead.acquire()).toBe(true);
  const died = performance.now();

  await database.transaction(async (transaction) => appendOutbox(transaction, [message('a', '1')]));
  await using first = await running(relay(database, kafka, { leaseMs: 1_500 }).component);
  await drained(database);
  expect(performance.now() - died).toBeGreaterThan(1_400);

  await using _ = await running(relay(database, kafka, { leaseMs: 1_500 }).component);
  await first.stop();
  await database.transaction(async (transaction) => appendOutbox(transaction, [message('a', '2')]));
  await drained(database);
  expect((await readTopic(kafka, 'events')).map(text)).toEqual(['1', '2']);
});

test('the lease is held by one, renewed by its holder, and gone for the holder before others get it', async () => {
  await using database = await outboxDatabase();
  const name = uniqueName('lease');
  const one = createLease(database, { name, holder: 'one', leaseMs: 1_000 });
  const two = createLease(database, { name, holder: 'two', leaseMs: 1_000 });

  expect(await one.acquire()).toBe(true);
  expect(await two.acquire()).toBe(false);
  expect(two.remainingMs()).toBeLessThanOrEqual(0);
  await eventually(() => one.remainingMs() < 500);
  const before = one.remainingMs();
  expect(await one.acquire()).toBe(true);
  expect(one.remainingMs()).toBeGreaterThan(before);

  await eventually(() => two.acquire(), { intervalMs: 1 });
  expect(one.remainingMs()).toBeLessThanOrEqual(0);
  expect(await one.acquire()).toBe(false);
  await two.release();
  expect(await one.acquire()).toBe(true);
});
