import { fileURLToPath } from 'node:url';
import { topics } from '@orderflow/contracts';
import { openTopicOffsets } from '@orderflow/messaging';
import { eventually, startProcess } from '@orderflow/testing';
import { expect, test } from 'vitest';
import { createBench, deadLetters } from './kit.ts';

const RECORDS = 600;
/** Two at each point. */
const KILLS = 6;
const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));

test('killed six times while it replays 600 records: none is lost, none is sent twice', {
  timeout: 240_000,
}, async () => {
  const bench = await createBench({ partitions: 3 });
  const values = Array.from({ length: RECORDS }, (_, index) => `record ${index}`);
  await bench.deadLetter(values.map((value) => ({ key: value, value })));
  await using offsets = await openTopicOffsets(bench.kafka);
  async function sent(): Promise<number> {
    const ranges = (await offsets.ranges(topics.orders)) ?? [];
    return ranges.reduce((sum, { from, to }) => sum + Number(to - from), 0);
  }

  for (let kill = 0; kill < KILLS; kill += 1) {
    const before = await sent();
    // In turn just before something is sent, between its acknowledgement and the commit, and wherever it happens to be.
    const point = ['replay-before-send#2', 'replay-after-ack#2', ''][kill % 3] ?? '';
    await using replay = startProcess({
      command: process.execPath,
      args: [main, 'dlq', 'replay', '--rate', '200/s'],
      env: { ...bench.env, ORDERFLOW_TEST: '1', CRASH_AT: point },
    });
    if (point === '') {
      await eventually(async () => (await sent()) >= before + 30, {
        timeoutMs: 60_000,
        intervalMs: 5,
      });
      await replay.kill();
    }
    expect(await replay.exited).toEqual({ code: null, signal: 'SIGKILL' });
    expect(await sent()).toBeGreaterThan(before);
  }
  expect(await sent()).toBeLessThan(RECORDS);

  const last = await bench.orders('dlq', 'replay');
  expect(last.code).toBe(0);
  const records = await bench.read(topics.orders);
  expect(records.map(({ value }) => value?.toString()).sort()).toEqual(values.sort());
  expect(new Set(records.map(({ headers }) => headers['dlq_replay_of'])).size).toBe(RECORDS);
  expect((await bench.orders('dlq', 'replay')).out).toBe(`Nothing to replay in ${deadLetters}.`);
});

test('on a signal it finishes its send, commits, and says how to continue', async () => {
  const bench = await createBench();
  await bench.deadLetter(Array.from({ length: 100 }, (_, index) => ({ value: String(index) })));
  await using replay = startProcess({
    command: process.execPath,
    args: [main, 'dlq', 'replay', '--rate', '10/s'],
    env: bench.env,
  });
  await eventually(async () => (await bench.read(topics.orders)).length > 0);
  expect(await replay.stop()).toEqual({ code: 1, signal: null });
  expect(replay.output()).toContain(
    'stopped by SIGTERM: what is done stays done; run the same command again to continue.',
  );
  const before = (await bench.read(topics.orders)).length;
  expect(replay.output()).toContain(`replayed ${before} of 100 to orders`);
  // It begins at the committed offset: the others are not read.
  expect((await bench.orders('dlq', 'replay')).out).toBe(
    `replayed ${100 - before} of ${100 - before} to orders`,
  );
});
