import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type CoalesceOptions, coalesce } from '../src/index.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Doubles numbers; each call ends when the test says so. */
function doubling(options: Partial<CoalesceOptions<number>> = {}) {
  const calls: {
    items: readonly number[];
    end: () => Promise<void>;
    fail: (error: Error) => Promise<void>;
  }[] = [];
  const double = coalesce<number, number>(
    (items) => {
      const { promise, resolve, reject } = Promise.withResolvers<number[]>();
      calls.push({
        items,
        async end() {
          resolve(items.map((item) => item * 2));
          await vi.advanceTimersByTimeAsync(0);
        },
        async fail(error) {
          reject(error);
          await vi.advanceTimersByTimeAsync(0);
        },
      });
      return promise;
    },
    { maxItems: 3, maxWaitMs: 10, ...options },
  );
  const asked = () => calls.map(({ items }) => items);
  return { calls, asked, double };
}
const moment = () => vi.advanceTimersByTimeAsync(0);

test('items of the same moment are coalesced, at once', async () => {
  const { calls, asked, double } = doubling();
  const results = Promise.all([double(1), double(2)]);
  await moment();
  expect(asked()).toEqual([[1, 2]]);
  await calls[0]?.end();
  expect(await results).toEqual([2, 4]);
});

test('items that arrive during a call are coalesced after it', async () => {
  const { calls, asked, double } = doubling();
  void double(1);
  await moment();
  const others = Promise.all([double(2), double(3)]);
  await moment();
  expect(asked()).toEqual([[1]]);
  await calls[0]?.end();
  expect(asked()).toEqual([[1], [2, 3]]);
  await calls[1]?.end();
  expect(await others).toEqual([4, 6]);
});

test('a call that does not end delays the next ones no longer than maxWaitMs', async () => {
  const { calls, asked, double } = doubling();
  void double(1);
  await moment();
  const second = double(2);
  await vi.advanceTimersByTimeAsync(9);
  expect(asked()).toEqual([[1]]);
  await vi.advanceTimersByTimeAsync(1);
  expect(asked()).toEqual([[1], [2]]);
  await calls[1]?.end();
  expect(await second).toBe(4);
});

test('no call exceeds its limit, and no item is forgotten', async () => {
  const { calls, asked, double } = doubling();
  const results = Promise.all([1, 2, 3, 4, 5, 6, 7].map(double));
  await moment();
  expect(asked()).toEqual([[1, 2, 3]]);
  await calls[0]?.end();
  expect(asked()).toEqual([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  await calls[1]?.end();
  await calls[2]?.end();
  expect(await results).toEqual([2, 4, 6, 8, 10, 12, 14]);
});

test('items with the same conflict key run one after the other, in their order', async () => {
  const { calls, asked, double } = doubling({
    conflictKeys: (item) => [item % 2 === 0 ? 'even' : `odd ${item}`],
  });
  const results = Promise.all([2, 4, 1].map(double));
  await moment();
  expect(asked()).toEqual([[2, 1]]);
  await calls[0]?.end();
  expect(asked()).toEqual([[2, 1], [4]]);
  await calls[1]?.end();
  expect(await results).toEqual([4, 8, 2]);
});

test('a failure is shared, unless each item is retried individually', async () => {
  const outage = new Error('outage');
  const { calls, asked, double } = doubling({ retryIndividually: (error) => error !== outage });
  const results = Promise.allSettled([double(1), double(2)]);
  await moment();
  await calls[0]?.fail(new Error('one of them is bad'));
  expect(asked()).toEqual([[1, 2], [1], [2]]);
  await calls[1]?.end();
  await calls[2]?.fail(outage);
  expect(await results).toEqual([
    { status: 'fulfilled', value: 2 },
    { status: 'rejected', reason: outage },
  ]);
  const both = Promise.allSettled([double(3), double(4)]);
  await moment();
  await calls[3]?.fail(outage);
  expect((await both).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(calls).toHaveLength(4);
});
