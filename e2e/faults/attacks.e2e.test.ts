import { setTimeout as sleep } from 'node:timers/promises';
import { Code } from '@connectrpc/connect';
import type { ServiceName } from '@orderflow/local/system';
import { eventually } from '@orderflow/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type GoodCaller, p99, startGoodCaller } from '../src/attack/good-caller.ts';
import * as kafka from '../src/attack/kafka-attacks.ts';
import * as rpc from '../src/attack/rpc-attacks.ts';
import { vitalsText, watchVitals } from '../src/vitals.ts';
import { startWhole, type Whole } from '../src/whole.ts';

const KIB = 1024;
/** What a process may take while it is attacked, in MiB above what it had before. */
const MEMORY_MIB = 200;
/** A good caller beside the attack waits at most this long, or five times as long as without it. */
const GOOD_MS = 250;
/** And an event loop is late by so much. */
const LOOP_MS = 1_000;
/** Both, beside what keeps a process busy from any sender: thousands of calls, megabytes of records. */
const BUSY_MS = 3_000;
const BASELINE_CALLS = 30;
/** A machine that was busy with something else is asked again: what an attack does to us it does each time. */
const measured = { retry: 4 };
/** Connections stay open for so long once all of them are. */
const OPEN_MS = 1_000;

let whole: Whole;

beforeAll(async () => {
  // With the heap limit of the image, see system.ts.
  whole = await startWhole('attacks', { SLICE_SIZE: '500' });
});
afterAll(() => whole?.[Symbol.asyncDispose]());

const health = { path: '/grpc.health.v1.Health/Check', body: {} };

/** The durations of calls since the last query, at least so many; and their errors. */
async function callsOf(caller: GoodCaller, count: number) {
  const all: { ms: number[]; errors: string[] } = { ms: [], errors: [] };
  await eventually(
    async () => {
      const { ms, errors } = await caller.take();
      all.ms.push(...ms);
      all.errors.push(...errors);
      return all.ms.length >= count || all.errors.length > 0;
    },
    { timeoutMs: 30_000, intervalMs: 100 },
  );
  return all;
}

/** Attacks a process while an honest client calls it. */
async function expectUnharmed(
  name: ServiceName,
  attack: (url: string) => Promise<unknown>,
  { isFresh = false, isBusy = false } = {},
): Promise<void> {
  const service = whole.services[name];
  await using caller: GoodCaller = startGoodCaller({ url: service.url, ...health, isFresh });
  const before = p99((await callsOf(caller, BASELINE_CALLS)).ms);
  const watch = watchVitals([service]);
  await attack(service.url);
  const { ms, errors } = await callsOf(caller, 1);
  const vitals = await watch.stop();
  const [{ isAlive, loopDelayMax, memoryMib }] = vitals as [(typeof vitals)[0]];
  const text = `${vitalsText(vitals)}  good calls ${ms.length}, p99 ${p99(ms).toFixed(0)} ms, before ${before.toFixed(0)} ms`;
  console.log(text);
  expect(isAlive, text).toBe(true);
  expect(errors, text).toEqual([]);
  expect(p99(ms), text).toBeLessThan(Math.max(isBusy ? BUSY_MS : GOOD_MS, 5 * before));
  expect(loopDelayMax * 1_000, text).toBeLessThan(isBusy ? BUSY_MS : LOOP_MS);
  expect(memoryMib.max - memoryMib.first, text).toBeLessThan(MEMORY_MIB);
}

describe('requests that expand', measured, () => {
  test.each([20_000, 200_000, 2_000_000])('%i compressed lines', (count) =>
    expectUnharmed('order-api', (url) => rpc.compressedLines(url, count)),
  );
  test.each([8, 24, 240])('%i compressed requests at once', (count) =>
    expectUnharmed('order-api', (url) => rpc.compressedBlanks(url, count)),
  );
  test('2,400 compressed requests at once', () =>
    expectUnharmed('order-api', (url) => rpc.compressedBlanks(url, 2_400), { isBusy: true }));
  test.each([5_000, 50_000, 500_000])('%i lines as protobuf', (count) =>
    expectUnharmed('order-api', (url) => rpc.plainLines(url, count)),
  );
  test.each([3_000, 30_000, 300_000])('%i lines as JSON', (count) =>
    expectUnharmed('order-api', (url) => rpc.jsonLines(url, count)),
  );
  test.each([5_000, 50_000, 500_000])('stock of %i products', (count) =>
    expectUnharmed('inventory', (url) => rpc.stockIds(url, count)),
  );
  test.each([10_000, 100_000, 1_000_000])('%i unknown fields to the health check', (count) =>
    expectUnharmed('order-view', (url) => rpc.unknownFields(url, count)),
  );
  test.each([10 * KIB, 100 * KIB, 1_000 * KIB])(
    'records whose values are empty lines, of %i bytes',
    (bytes) =>
      expectUnharmed('order-worker', () => kafka.expandingValues(whole, whole.stores, bytes), {
        isBusy: true,
      }),
  );
});

describe('records that are slow to read', measured, () => {
  test.each([100, 4_000, 16_000])('%i headers', (count) =>
    expectUnharmed('order-worker', () => kafka.manyHeaders(whole, whole.stores, count)),
  );
  test.each([KIB, 100 * KIB, 900 * KIB])('a key of %i bytes', (bytes) =>
    expectUnharmed('order-worker', () => kafka.longKeys(whole, whole.stores, bytes)),
  );
  test.each([KIB, 100 * KIB, 900 * KIB])('compressed values of %i bytes', (bytes) =>
    expectUnharmed('order-worker', () => kafka.compressedValues(whole, whole.stores, bytes)),
  );
});

test.each([3 * KIB, 300 * KIB, 3_000 * KIB])(
  'orders with an unknown field of %i bytes',
  measured,
  async (bytes) => {
    await expectUnharmed('order-api', (url) => rpc.unknownFieldInAPrice(url, bytes), { isBusy: true });
    await expectUnharmed('order-relay', async () => {});
  },
);

describe('connections without a request', measured, () => {
  test.each([
    [100, 'preface'],
    [500, 'preface'],
    [1_500, 'preface'],
    [100, 'half a preface'],
    [500, 'half a preface'],
    [1_500, 'half a preface'],
  ] as const)('%i with %s', (count, kind) =>
    expectUnharmed(
      'order-api',
      async (url) => {
        const close = await rpc.idleConnections(url, count, kind);
        await sleep(OPEN_MS);
        close();
      },
      { isFresh: true },
    ),
  );
});

describe('responses that are not read', measured, () => {
  test.each([10, 100, 200])('%i bad lines', (count) =>
    expectUnharmed('order-api', async (url) => {
      const { status, trailerBytes } = await rpc.badLines(url, count);
      expect(status).toBe(Code.InvalidArgument);
      expect(trailerBytes).toBeLessThanOrEqual(8 * KIB);
    }),
  );
  test.each([20, 100, 200])('%i long responses to a closed window', (count) =>
    expectUnharmed('enrichment-stub', (url) => rpc.unreadResponses(url, count)),
  );
});

test('afterwards all stores agree', () => whole.expectSound({ waitSeconds: 60 }));
