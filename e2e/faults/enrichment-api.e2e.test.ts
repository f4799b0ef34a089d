import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { Code } from '@connectrpc/connect';
import { Fault_Kind } from '@orderflow/contracts/orderflow/testing/v1/fault_service';
import { isSettled } from '@orderflow/local/audit';
import { sumOf } from '@orderflow/local/system';
import { eventually } from '@orderflow/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { breakerState, measure, pausedPartitions, type Run, rejectedFor, startRun } from '../src/grid.ts';
import { decidedCount } from '../src/test-system.ts';

describe('a failing enrichment API', () => {
  let run: Run;
  beforeAll(async () => {
    run = await startRun('faults-api');
  });
  afterAll(() => run?.[Symbol.asyncDispose]());

  test('is left alone while it is down: the circuit opens, orders wait, and all are decided afterwards', async () => {
    const orders = run.make('down', 800);
    await run.send(orders.slice(0, 200));
    await eventually(async () => (await decidedCount(run.stores)) > 0);
    await run.stub.kill();
    await run.send(orders.slice(200));
    await eventually(async () => expect(await breakerState(run.worker)).toBe(2));
    await eventually(async () => expect(await pausedPartitions(run.worker)).toBeGreaterThan(0));
    expect(await isSettled(run.stores, run.sent)).toBe(false);
    await run.stub.start();
    await run.settle();
    expect(await pausedPartitions(run.worker)).toBe(0);
  });

  test('may come and go: all orders pass', async () => {
    await run.send(run.make('flapping', 1_000));
    const until = Date.now() + 12_000;
    for (let flaps = 0; Date.now() < until; flaps += 1) {
      await run.misbehave(
        flaps % 2 === 0 ? { errorRate: 0.5, errorCode: Code.Unavailable } : { kind: Fault_Kind.REFUSE },
      );
      await sleep(1_000);
    }
    await run.faults.clearFaults({});
    await run.settle();
  });

  test('is not failing when it knows none of 500 customers: the circuit stays closed, all are rejected', async () => {
    // What went before may have left it open.
    await eventually(async () => expect(await breakerState(run.worker)).toBe(0));
    const states = measure(() => breakerState(run.worker), 50);
    await run.send(
      Array.from({ length: 500 }, (_, index) =>
        rejectedFor(run.order(`unknown-${index}`, `c-nobody-${index}`, 'p-1'), 'CUSTOMER_NOT_FOUND'),
      ),
    );
    await run.settle();
    expect(Math.max(...(await states.stop()))).toBe(0);
  });
});

describe('an enrichment API that takes 3 s to respond', () => {
  /** Each of the three partitions has one batch of 500 in flight, which asks for 200 ids in a call. */
  const maxCalls = { BatchGetCustomers: 9, BatchGetProducts: 9 };
  const megabyte = 1024 * 1024;

  async function overloaded(name: string, env: Record<string, string>, slowFor: (run: Run) => Promise<void>) {
    await using run = await startRun(name, { SLICE_SIZE: '500', ...env });
    const memory = measure(async () => residentBytes(run.worker.pid()), 500);
    const calls = measure(() => callsBeyond(run, maxCalls));
    await run.misbehave({ minLatency: durationFromMs(3_000) });
    // Every one for another customer, none of which is in the cache.
    await run.send(run.make(name, 5_000));
    await slowFor(run);
    await run.settle();
    const beyond = await calls.stop();
    expect(beyond.length).toBeGreaterThan(20);
    expect(Math.max(...beyond)).toBeLessThanOrEqual(0);
    expect(Math.max(...(await memory.stop())) / megabyte).toBeLessThanOrEqual(300);
  }

  test('is waited for, if the limits allow that: 5,000 cold orders pass, calls and memory stay bounded', () =>
    overloaded(
      'slow-api-patient',
      { ENRICHMENT_TRY_TIMEOUT: '6s', ENRICHMENT_DEADLINE: '10s' },
      async (run) => {
        await eventually(async () => (await decidedCount(run.stores)) > 1_500, { timeoutMs: 90_000 });
        await run.faults.clearFaults({});
      },
    ));

  test('is down, if the limits are shorter: 5,000 cold orders wait, none is dropped', () =>
    overloaded(
      'slow-api-impatient',
      { ENRICHMENT_TRY_TIMEOUT: '1500ms', ENRICHMENT_DEADLINE: '4s' },
      async (run) => {
        await eventually(async () => expect(await breakerState(run.worker)).toBe(2), { timeoutMs: 30_000 });
        await eventually(async () => expect(await pausedPartitions(run.worker)).toBe(3));
        expect(await decidedCount(run.stores)).toBe(0);
        await run.faults.clearFaults({});
      },
    ));
});

/**
 * By how much the calls in flight at the stub exceed their limit; 0 or less is fine. Calls that began less those that
 * have ended are in flight only if none ended between the two readings.
 * @throws when one did; the sample is not taken then.
 */
async function callsBeyond({ stub, faults }: Run, max: Readonly<Record<string, number>>): Promise<number> {
  const endedCalls = async () => {
    const metrics = await stub.metrics();
    return Object.keys(max).map((method) =>
      sumOf(metrics, 'orderflow_rpc_server_duration_count', { method }),
    );
  };
  const ended = await endedCalls();
  const { calls } = await faults.getCallCounts({});
  expect(await endedCalls()).toEqual(ended);
  const beyond = Object.entries(max).map(
    ([method, limit], index) => Number(calls[method] ?? 0n) - (ended[index] ?? 0) - limit,
  );
  return Math.max(...beyond);
}

function residentBytes(pid: number): number {
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) * 1024;
}
