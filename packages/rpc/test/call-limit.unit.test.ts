import type { DescMethod } from '@bufbuild/protobuf';
import { Health } from '@orderflow/contracts/grpc/health/v1/health';
import { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createCallLimit } from '../src/call-limit.ts';

const read = CustomerService.method.getCustomer;
const write = CustomerService.method.updateCustomer;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Any number of calls of a method that hang; `end` ends the oldest. */
function hangingCalls(maxCalls = 1_024) {
  const limit = createCallLimit(maxCalls);
  const ends: (() => void)[] = [];

  /** Why the call is refused; 'admitted' if it is not: it then runs. */
  function call(method: DescMethod): string {
    const refusal = limit.refusal(method);
    if (refusal) return refusal;
    const { promise, resolve } = Promise.withResolvers<void>();
    ends.push(resolve);
    void limit.run(method, () => promise);
    return 'admitted';
  }

  return {
    limit,
    call,
    calls: (count: number, method: DescMethod) => countsOf(Array.from({ length: count }, () => call(method))),
    async end(count: number) {
      for (const end of ends.splice(0, count)) end();
      await vi.advanceTimersByTimeAsync(0);
    },
  };
}

function countsOf(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}

/** What became of the calls of one second of a load: how many were admitted, and how long those that ended took. */
interface Second {
  readonly admitted: number;
  readonly slowestMs: number;
}

/** Makes `offered` calls a second. `endsOf` says how many of the running ones, whose ages it gets, end in each 10 ms. */
async function load(
  offered: number,
  seconds: number,
  endsOf: (ages: readonly number[]) => number,
): Promise<Second[]> {
  const { limit } = hangingCalls();
  const running: { readonly began: number; readonly end: () => void }[] = [];
  const results: Second[] = [];
  let due = 0;
  let ending = 0;
  for (let second = 0; second < seconds; second++) {
    let admitted = 0;
    let slowestMs = 0;
    for (let step = 0; step < 100; step++) {
      for (due += offered / 100; due >= 1; due--) {
        if (limit.refusal(read)) continue;
        const { promise, resolve } = Promise.withResolvers<void>();
        running.push({ began: performance.now(), end: resolve });
        void limit.run(read, () => promise);
        admitted++;
      }
      await vi.advanceTimersByTimeAsync(10);
      for (ending += endsOf(running.map(({ began }) => performance.now() - began)); ending >= 1; ending--) {
        const oldest = running.shift();
        if (oldest === undefined) continue;
        slowestMs = Math.max(slowestMs, performance.now() - oldest.began);
        oldest.end();
      }
      await vi.advanceTimersByTimeAsync(0);
    }
    results.push({ admitted, slowestMs });
  }
  return results;
}

test('each method has its own limit, and health checks always pass', async () => {
  const { calls, end } = hangingCalls(80);
  expect(calls(100, write)).toEqual({ admitted: 80, calls: 20 });
  expect(calls(20, read)).toEqual({ admitted: 20 });
  expect(calls(100, Health.method.check)).toEqual({ admitted: 100 });
  await end(30);
  expect(calls(100, write)).toEqual({ admitted: 30, calls: 70 });
});

test('a call that fails gives its place back', async () => {
  const { limit } = hangingCalls(1);
  for (let n = 0; n < 10; n++) {
    await expect(limit.run(read, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  }
});

test('a call that could be admitted when its headers came, and not when it is whole, is refused', async () => {
  const { limit, calls } = hangingCalls(1);
  expect(limit.refusal(read)).toBeUndefined();
  calls(1, read);
  await expect(limit.run(read, async () => {})).rejects.toThrow('as many calls of this method as it can');
});

test.each([30, 100, 400])(
  'of an overload a server carries out as many as it can, %i a second, and in time',
  async (capacity) => {
    const seconds = await load(5 * capacity, 40, () => capacity / 100);
    // What was admitted before it was known how long calls take has to end first.
    for (const { admitted, slowestMs } of seconds.slice(15)) {
      expect(admitted).toBeGreaterThan(capacity * 0.5);
      expect(slowestMs).toBeLessThan(3_000);
    }
    const admitted = seconds.slice(15).reduce((sum, second) => sum + second.admitted, 0);
    expect(admitted / 25).toBeGreaterThan(capacity * 0.95);
  },
);

test('calls that wait for nothing are all admitted, however many there are, when they take less than half a second', async () => {
  const seconds = await load(500, 20, (ages) => ages.filter((age) => age >= 450).length);
  expect(seconds.slice(10).map(({ admitted }) => admitted)).toEqual(Array(10).fill(500));
});

test('64 calls are admitted however long they take', async () => {
  const { calls, end } = hangingCalls();
  calls(200, write);
  await vi.advanceTimersByTimeAsync(5_000);
  await end(150);
  expect(calls(100, write)).toEqual({ admitted: 14, calls: 86 });
});

test('an overload that is over is forgotten', async () => {
  const { calls, end } = hangingCalls();
  calls(256, write);
  await vi.advanceTimersByTimeAsync(5_000);
  await end(256);
  expect(calls(300, write)).toEqual({ admitted: 256, calls: 44 });
});

test('the more calls are quick, the more may run, up to the maximum', async () => {
  const { limit, calls } = hangingCalls(500);
  for (let n = 0; n < 10; n++)
    await Promise.all(Array.from({ length: 250 }, () => limit.run(read, async () => {})));
  expect(calls(600, read)).toEqual({ admitted: 500, calls: 100 });
});

test('calls that are seen late in a turn of the event loop are refused until the next turn', async () => {
  const { call, calls, limit } = hangingCalls();
  expect(calls(63, read)).toEqual({ admitted: 63 });
  const now = vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 250);
  // The first 64 are not refused.
  expect(call(read)).toBe('admitted');
  expect(call(read)).toBe('event_loop');
  await expect(limit.run(read, async () => {})).rejects.toThrow('behind with its calls');
  expect(call(Health.method.check)).toBe('admitted');
  await vi.advanceTimersByTimeAsync(0);
  expect(call(read)).toBe('admitted');
  now.mockRestore();
});

test('calls of a turn that have ended count, too: their work made it late', async () => {
  const { call, limit } = hangingCalls();
  await Promise.all(Array.from({ length: 64 }, () => limit.run(read, async () => {})));
  const now = vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 250);
  expect(call(read)).toBe('event_loop');
  now.mockRestore();
});
