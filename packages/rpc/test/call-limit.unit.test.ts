import type { DescMethod } from '@bufbuild/protobuf';
import { Health } from '@orderflow/contracts/grpc/health/v1/health';
import { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createCallLimit } from '../src/call-limit.ts';

const read = CustomerService.method.getCustomer;
const write = CustomerService.method.updateCustomer;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A limit whose calls are ended by the test, the oldest first. */
function startLimit(maxCalls: number) {
  const limit = createCallLimit(maxCalls);
  const ends: (() => void)[] = [];

  /** Why the call is refused; 'admitted' if it is not: it then runs. */
  function call(method: DescMethod, timeoutMs?: number): string {
    const refusal = limit.refusal(method, timeoutMs);
    if (refusal) return refusal;
    const { promise, resolve } = Promise.withResolvers<void>();
    ends.push(resolve);
    void limit.run(method, () => promise);
    return 'admitted';
  }

  return {
    limit,
    call,
    calls: (count: number, method: DescMethod, timeoutMs?: number) =>
      countsOf(Array.from({ length: count }, () => call(method, timeoutMs))),
    running: () => ends.length,
    async end(count: number) {
      for (const end of ends.splice(0, count)) end();
      await vi.advanceTimersByTimeAsync(0);
    },
  };
}

/** Has 100 of the calls end in each second, and as many begin. */
async function runAtCapacity({ call, end }: ReturnType<typeof startLimit>, seconds: number) {
  for (let tenth = 0; tenth < 10 * seconds; tenth++) {
    await vi.advanceTimersByTimeAsync(100);
    await end(10);
    for (let n = 0; n < 10; n++) call(write);
  }
}

function countsOf(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}

test('the last eighth is for reads, and health checks always pass', async () => {
  const { calls, end } = startLimit(80);
  expect(calls(100, write)).toEqual({ admitted: 70, calls: 30 });
  expect(calls(20, read)).toEqual({ admitted: 10, calls: 10 });
  expect(calls(100, Health.method.check)).toEqual({ admitted: 100 });
  await end(30);
  expect(calls(100, write)).toEqual({ admitted: 20, calls: 80 });
});

test('a call that fails gives its place back', async () => {
  const { limit } = startLimit(1);
  for (let n = 0; n < 10; n++) {
    await expect(limit.run(read, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  }
});

test('a call that could be admitted when its headers came, and not when it is whole, is refused', async () => {
  const { limit, calls } = startLimit(1);
  expect(limit.refusal(read, undefined)).toBeUndefined();
  calls(1, read);
  await expect(limit.run(read, async () => {})).rejects.toThrow('as many calls as it can');
});

test('while calls take longer than 2 s no more are admitted than end in that time', async () => {
  const server = startLimit(1_024);
  expect(server.calls(600, write)).toEqual({ admitted: 600 });
  await runAtCapacity(server, 3);
  expect(server.running()).toBeGreaterThan(400);
  while (server.call(write) === 'calls') await server.end(1);
  // About 7/8 of 200; the rest is for reads.
  expect(server.running()).toBeGreaterThan(160);
  expect(server.running()).toBeLessThan(185);
  expect(server.call(write)).toBe('calls');
  expect(server.call(read)).toBe('admitted');
});

test('with few calls their number is not limited by how many end: they are few because few come', async () => {
  const server = startLimit(1_024);
  for (let second = 0; second < 10; second++) {
    server.calls(1, write);
    await vi.advanceTimersByTimeAsync(1_000);
    await server.end(1);
  }
  expect(server.calls(600, write)).toEqual({ admitted: 600 });
});

test('an overload that is over is forgotten', async () => {
  const server = startLimit(1_024);
  server.calls(600, write);
  await runAtCapacity(server, 3);
  await server.end(600);
  expect(server.calls(600, write)).toEqual({ admitted: 600 });
});

test('64 calls are admitted however long they take', async () => {
  const server = startLimit(1_024);
  server.calls(64, write);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(server.call(read)).toBe('calls');
  await server.end(9);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(server.calls(20, read)).toEqual({ admitted: 20 });
});

test('a call that needs more than half of its time at present is refused', async () => {
  const server = startLimit(1_024);
  server.calls(150, write);
  await runAtCapacity(server, 3);
  // 150 at about 100 a second.
  expect(server.running()).toBe(150);
  expect(server.call(write, 2_500)).toBe('deadline');
  expect(server.call(write, 4_000)).toBe('admitted');
});

test('calls that are seen late in a turn of the event loop are refused until the next turn', async () => {
  const { call, calls, limit } = startLimit(1_024);
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
  const { call, limit } = startLimit(1_024);
  await Promise.all(Array.from({ length: 64 }, () => limit.run(read, async () => {})));
  const now = vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 250);
  expect(call(read)).toBe('event_loop');
  now.mockRestore();
});
