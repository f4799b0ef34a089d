import { Redis } from 'ioredis';
import { Kafka, logLevel } from 'kafkajs';
import { MongoClient } from 'mongodb';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type PartName, privateTestStack, type Stack, storeNames } from '../src/index.ts';

let stack: Stack;
let release: () => Promise<void>;

beforeAll(async () => {
  ({ stack, release } = await privateTestStack(storeNames));
});

afterAll(() => release?.());

/** Kills the part while `write` runs as fast as it can; resolves to the numbers whose writes were acknowledged. */
async function writeUntilKilled(name: PartName, write: (n: number) => Promise<unknown>): Promise<number[]> {
  const acknowledged: number[] = [];
  let killed: Promise<void> | undefined;
  try {
    for (let n = 0; ; n += 1) {
      await write(n);
      acknowledged.push(n);
      if (n === 100) killed = stack.parts[name].kill();
    }
  } catch {
    await killed;
  }
  expect(acknowledged.length).toBeGreaterThan(100);
  return acknowledged;
}

describe('acknowledged writes survive SIGKILL', () => {
  it('in Postgres', async () => {
    const connect = async () => {
      const client = new pg.Client({ connectionString: `${stack.urls.POSTGRES_URL}/postgres` });
      client.on('error', () => {});
      await client.connect();
      return client;
    };
    const before = await connect();
    await before.query('CREATE TABLE written (n int)');
    const acknowledged = await writeUntilKilled('postgres', (n) =>
      before.query('INSERT INTO written VALUES ($1)', [n]),
    );
    await stack.parts.postgres.start();
    const after = await connect();
    const { rows } = await after.query<{ n: number }>('SELECT n FROM written');
    await after.end();
    expect(rows.map(({ n }) => n)).toEqual(expect.arrayContaining(acknowledged));
  });

  it('in MongoDB', async () => {
    const connect = () =>
      new MongoClient(stack.urls.MONGO_URL, { retryWrites: false, serverSelectionTimeoutMS: 500 });
    const before = connect();
    const written = before.db('test').collection<{ _id: number }>('written');
    const acknowledged = await writeUntilKilled('mongo', (n) =>
      written.insertOne({ _id: n }, { writeConcern: { w: 'majority', j: true } }),
    );
    await before.close();
    await stack.parts.mongo.start();
    const after = connect();
    const documents = await after.db('test').collection<{ _id: number }>('written').find().toArray();
    await after.close();
    expect(documents.map(({ _id }) => _id)).toEqual(expect.arrayContaining(acknowledged));
  });

  it('in Redis', async () => {
    const connect = () => {
      const redis = new Redis(stack.urls.REDIS_URL, { maxRetriesPerRequest: 0, retryStrategy: () => null });
      redis.on('error', () => {});
      return redis;
    };
    const before = connect();
    const acknowledged = await writeUntilKilled('redis', (n) => before.sadd('written', n));
    before.disconnect();
    await stack.parts.redis.start();
    const after = connect();
    const members = await after.smembers('written');
    after.disconnect();
    expect(members.map(Number)).toEqual(expect.arrayContaining(acknowledged));
  });

  it('in Kafka: records and committed offsets', async () => {
    const kafka = new Kafka({
      brokers: [stack.urls.KAFKA_BROKERS],
      logLevel: logLevel.NOTHING,
      retry: { retries: 0 },
    });
    const admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: 'written', numPartitions: 1, replicationFactor: 1 }] });
    const producer = kafka.producer();
    await producer.connect();
    await producer.send({ topic: 'written', acks: -1, messages: [{ value: 'first' }] });
    await admin.setOffsets({
      groupId: 'reader',
      topic: 'written',
      partitions: [{ partition: 0, offset: '1' }],
    });
    const acknowledged = await writeUntilKilled('kafka', (n) =>
      producer.send({ topic: 'written', acks: -1, messages: [{ value: String(n) }] }),
    );
    await Promise.allSettled([producer.disconnect(), admin.disconnect()]);
    await stack.parts.kafka.start();
    await admin.connect();
    const [end] = await admin.fetchTopicOffsets('written');
    const [group] = await admin.fetchOffsets({ groupId: 'reader', topics: ['written'] });
    await admin.disconnect();
    expect(Number(end?.offset)).toBeGreaterThanOrEqual(1 + acknowledged.length);
    expect(group?.partitions[0]?.offset).toBe('1');
  });
});

describe('a part', () => {
  it.each(['mongo', 'redis', 'postgres'] as const)('does not respond while frozen: %s', async (name) => {
    const part = stack.parts[name];
    part.freeze();
    expect(await part.responds()).toBe(false);
    expect((await stack.status()).find((row) => row.name === name)?.state).toBe('not answering');
    part.thaw();
    await vi.waitFor(async () => expect(await part.responds()).toBe(true));
  });

  it('is frozen with its children: an open Postgres connection waits', async () => {
    const client = new pg.Client({ connectionString: `${stack.urls.POSTGRES_URL}/postgres` });
    await client.connect();
    stack.parts.postgres.freeze();
    const reply = client.query('SELECT 1').then(() => 'answered');
    const waited = new Promise((resolve) => setTimeout(resolve, 300, 'waited'));
    expect(await Promise.race([reply, waited])).toBe('waited');
    stack.parts.postgres.thaw();
    expect(await reply).toBe('answered');
    await client.end();
  });

  it('can be killed while it is frozen, and started again', async () => {
    const part = stack.parts.postgres;
    part.freeze();
    await part.kill();
    expect(part.pid()).toBeUndefined();
    await part.start();
    expect(await part.responds()).toBe(true);
  });

  it('keeps its port and data over a restart, under a new process id', async () => {
    const part = stack.parts.redis;
    const redis = new Redis(stack.urls.REDIS_URL);
    await redis.set('kept', 'yes');
    const pid = part.pid();
    await part.restart();
    expect(part.pid()).not.toBe(pid);
    await vi.waitFor(async () => expect(await redis.get('kept')).toBe('yes'));
    redis.disconnect();
  });
});
