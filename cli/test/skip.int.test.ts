import { hostname, userInfo } from 'node:os';
import { fileURLToPath } from 'node:url';
import { groups, topics } from '@orderflow/contracts';
import { createBatchConsumer, openTopicOffsets, type ReceivedRecord } from '@orderflow/messaging';
import { createLogger, createMetrics, loadConfig } from '@orderflow/runtime';
import { eventually, startProcess } from '@orderflow/testing';
import { describe, expect, test } from 'vitest';
import type { UndecodableFact } from '../src/check/facts.ts';
import { checkShared } from '../src/check/invariants.ts';
import { readLetters, readRecordFacts } from '../src/check/read-shared-facts.ts';
import { settings } from '../src/config.ts';
import { type Bench, createBench, deadLetters } from './kit.ts';

const group = groups.orderWorker;
const by = ['--group', group, '--reason', 'it kills the worker'];
const text = ({ value }: ReceivedRecord) => value?.toString();

/** As the protocol of Kafka numbers them. */
const TOPIC = 2;
const GZIP = 1;

class Outage extends Error {}

/** A worker that takes the records called "poison" for an outage, so that nothing but a person helps. */
async function worker({ kafka }: Bench): Promise<{ seen: (string | undefined)[] } & AsyncDisposable> {
  const seen: (string | undefined)[] = [];
  const consumer = createBatchConsumer({
    kafka,
    groupId: group,
    topics: [topics.orders],
    async handle(records) {
      if (records.some((record) => text(record)?.startsWith('poison')))
        throw new Outage('a store is unavailable');
      seen.push(...records.map(text));
    },
    isOutage: (error) => error instanceof Outage,
    logger: createLogger({ service: 'test', level: 'silent' }),
    meter: createMetrics({ service: 'test' }).meter,
    batchSize: 1,
    sessionTimeoutMs: 3_000,
  });
  await consumer.start();
  return { seen, [Symbol.asyncDispose]: () => consumer.stop() };
}

async function positionOf({ kafka }: Bench): Promise<bigint | undefined> {
  await using offsets = await openTopicOffsets(kafka);
  return (await offsets.committed(group, topics.orders)).get(0);
}

const send = (bench: Bench, ...values: string[]) =>
  bench.send(values.map((value) => ({ topic: topics.orders, key: 'k', value, headers: { own: 'kept' } })));

async function sendZeros({ kafka }: Bench, bytes: number): Promise<void> {
  const topic = kafka.physicalName(topics.orders);
  const admin = kafka.client().admin();
  await admin.connect();
  const configEntries = [{ name: 'compression.type', value: 'producer' }];
  await admin.alterConfigs({ validateOnly: false, resources: [{ type: TOPIC, name: topic, configEntries }] });
  await admin.disconnect();
  const producer = kafka.client().producer({ allowAutoTopicCreation: false });
  await producer.connect();
  await producer.send({ topic, compression: GZIP, messages: [{ value: Buffer.alloc(bytes) }] });
  await producer.disconnect();
}

/** What `orders check` says of the records and dead letters that can not be held against any store. */
async function findingsOf({ kafka, env }: Bench): Promise<readonly string[]> {
  const { signal } = new AbortController();
  const terminal = { signal, print() {}, note() {} };
  const cli = { ...terminal, kafka, config: loadConfig(settings, env), callHeaders: async () => ({}) };
  await using offsets = await openTopicOffsets(kafka);
  const undecodable: UndecodableFact[] = [];
  const note = (one: UndecodableFact) => void undecodable.push(one);
  const letters = await readLetters(cli, offsets, note);
  const sources = await readRecordFacts(cli, offsets, letters, () => {}, note);
  const facts = { stock: [], orderCounts: [], letters, sources, undecodable };
  return checkShared(facts).flatMap(({ violations }) => violations);
}

// Concurrent: a running group polls every 5 s.
describe('orders records skip', () => {
  test.concurrent('has a group that runs leave out the record it stands at, and nothing else', async () => {
    const bench = await createBench();
    await send(bench, 'good', 'poison', 'better');
    await using running = await worker(bench);
    const { seen } = running;
    await eventually(async () => expect(await positionOf(bench)).toBe(1n));

    for (const [offset, next] of [
      [0, 'order-worker is past orders/0/0: it is not its next record.'],
      [2, 'orders/0/2 is not the next record of order-worker: that is orders/0/1.'],
      [3, 'orders/0 ends with 2.'],
    ]) {
      const refused = await bench.orders('records', 'skip', `orders/0/${offset}`, ...by);
      expect(refused).toEqual({ code: 1, out: '', err: next });
    }
    expect(await bench.read(deadLetters)).toEqual([]);

    expect(await bench.orders('records', 'skip', 'orders/0/1', ...by)).toEqual({
      code: 0,
      out: '1 dead letter written to orders.order-worker.dlq.\norder-worker continues with orders/0/2.',
      err: 'order-worker is running: waiting until it has skipped',
    });
    await eventually(() => expect(seen).toEqual(['good', 'better']));
    await eventually(async () => expect(await positionOf(bench)).toBe(3n));

    const who = `${userInfo().username}@${hostname()}`;
    expect(await bench.read(deadLetters)).toMatchObject([
      {
        value: Buffer.from('poison'),
        key: Buffer.from('k'),
        headers: {
          own: 'kept',
          dlq_reason: 'SKIPPED_BY_HAND',
          dlq_detail: `it kills the worker (${who})`,
          dlq_topic: topics.orders,
          dlq_partition: '0',
          dlq_offset: '1',
          dlq_group: group,
        },
      },
    ]);
    const [audit, ...more] = await bench.read('orders.audit');
    expect(more).toEqual([]);
    expect(audit?.key?.toString()).toBe('orders/0/1');
    const { time, ...recorded } = JSON.parse(audit?.value?.toString() ?? '');
    expect(Date.parse(time)).toBeGreaterThan(Date.now() - 60_000);
    expect(recorded).toEqual({
      action: 'record_skipped',
      user: userInfo().username,
      host: hostname(),
      group,
      record: 'orders/0/1',
      next_offset: '2',
      reason: 'it kills the worker',
    });
    expect(await bench.orders('records', 'skip', 'orders/0/1', ...by)).toEqual({
      code: 0,
      out: 'orders/0/1 has been skipped before; order-worker is past it.',
      err: '',
    });
  });

  test.concurrent('moves a group that does not run past a range', async () => {
    const bench = await createBench();
    await send(bench, 'poison 1', 'poison 2', 'good');
    const skipped = await bench.orders('records', 'skip', 'orders/0/0', '--to', '1', ...by);
    expect(skipped).toEqual({
      code: 0,
      out: '2 dead letters written to orders.order-worker.dlq.\norder-worker continues with orders/0/2.',
      err: '',
    });
    expect(await positionOf(bench)).toBe(2n);
    expect((await bench.read(deadLetters)).map(text)).toEqual(['poison 1', 'poison 2']);
    await using running = await worker(bench);
    const { seen } = running;
    await eventually(() => expect(seen).toEqual(['good']));
  });

  test.concurrent('has a batch left out as a whole that cannot be decoded', async () => {
    const bench = await createBench();
    await send(bench, 'good');
    // Some KiB that expand beyond what a reader admits. The topic has to take them as they are.
    await sendZeros(bench, 17 * 1_048_576);
    await send(bench, 'better');
    await using running = await worker(bench);
    await eventually(async () => expect(await positionOf(bench)).toBe(1n));
    expect(await bench.orders('records', 'skip', 'orders/0/1', ...by)).toMatchObject({
      code: 0,
      out: '1 dead letter written to orders.order-worker.dlq.\norder-worker continues with orders/0/2.',
    });
    await eventually(() => expect(running.seen).toEqual(['good', 'better']));
    const [letter, ...more] = await bench.read(deadLetters);
    expect(more).toEqual([]);
    expect(letter).toMatchObject({
      key: null,
      value: null,
      headers: { dlq_offset: '1', dlq_last_offset: '1', dlq_omitted: 'headers,value,key' },
    });
    expect(letter?.headers['dlq_detail']).toMatch(/^it kills the worker .*offsets 1 to 1 cannot be decoded/);

    // It stays where it is for ever; all that docs/operations.md prescribes afterwards reads past it.
    const listed = await bench.orders('dlq', 'list');
    expect(listed).toMatchObject({ code: 0, out: expect.stringContaining('SKIPPED_BY_HAND'), err: '' });
    await bench.deadLetter([{ value: 'good', headers: { own: 'kept' }, key: 'k', offset: 0 }]);
    const replayed = await bench.orders('dlq', 'replay', '--reason', 'MALFORMED_JSON');
    expect(replayed).toEqual({ code: 0, out: 'replayed 1 of 1 to orders', err: '' });
    expect((await bench.orders('dlq', 'replay', '--reason', 'MALFORMED_JSON')).out).toBe(
      'replayed 0 of 1 to orders, 1 had been replayed before',
    );
    expect(await bench.orders('dlq', 'replay', '--reason', 'SKIPPED_BY_HAND')).toMatchObject({
      code: 1,
      out: 'replayed 0 of 1 to orders, 1 refused',
      err: expect.stringContaining('orders/0/1 begins a batch that cannot be decoded'),
    });
    expect(await findingsOf(bench)).toEqual([]);
  });

  test.concurrent('"orders check" finds the batch that was not skipped', async () => {
    const bench = await createBench();
    await sendZeros(bench, 17 * 1_048_576);
    expect(await findingsOf(bench)).toEqual(['orders/0/0 to 0: cannot be decoded, and has no dead letter']);
  });

  test.concurrent('killed between the letter and the offset, it comes to the same end when it is run again', async () => {
    const bench = await createBench();
    await send(bench, 'poison', 'good');
    const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
    await using killed = startProcess({
      command: process.execPath,
      args: [main, 'records', 'skip', 'orders/0/0', ...by],
      env: { ...bench.env, ORDERFLOW_TEST: '1', CRASH_AT: 'skip-after-letters#1' },
    });
    const end = await killed.exited;
    expect(end, killed.output()).toEqual({ code: null, signal: 'SIGKILL' });
    expect(await positionOf(bench)).toBeUndefined();

    expect((await bench.orders('records', 'skip', 'orders/0/0', ...by)).code).toBe(0);
    expect(await positionOf(bench)).toBe(1n);
    const letters = await bench.read(deadLetters);
    expect(letters.map(text)).toEqual(['poison', 'poison']);
    expect(new Set(letters.map(({ headers }) => headers['dlq_offset']))).toEqual(new Set(['0']));
  });

  test.concurrent('rejects wrong arguments', async () => {
    const bench = await createBench();
    const wrong = async (...args: string[]) => {
      const { code, err } = await bench.orders('records', 'skip', ...args);
      expect(code).toBe(2);
      return err.split('\n')[0];
    };
    expect(await wrong()).toBe('One TOPIC/PARTITION/OFFSET is expected.');
    expect(await wrong('orders/0', ...by)).toBe(
      '"orders/0" is not a record: TOPIC/PARTITION/OFFSET is expected, such as orders/0/12.',
    );
    expect(await wrong('orders/0/1', '--reason', 'x')).toBe('--group: orders is read by order-worker.');
    expect(await wrong('orders/0/1', '--group', group)).toBe('A reason is required: --reason TEXT.');
    expect(await wrong('other/0/1', ...by)).toMatch(
      /^No consumer group of this system reads topic other\. Topics and groups: orders by /,
    );
    expect(await wrong('orders/0/5', '--to', '4', ...by)).toBe('--to 4 is before 5.');
    expect(await bench.orders('records', 'skip', 'orders/7/0', ...by)).toMatchObject({
      code: 1,
      err: 'orders has no partition 7: its partitions are 0 to 0.',
    });
    expect((await bench.orders('records')).code).toBe(2);
  });
});
