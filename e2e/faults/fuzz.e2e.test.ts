import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FuzzResult, runRpcFuzz, runTopicFuzz } from '../src/fuzz/run.ts';
import { vitalsText } from '../src/vitals.ts';
import { startWhole, type Whole } from '../src/whole.ts';

/** Seeds that have found a bug stay here. */
const seeds = [1];

let whole: Whole;

beforeAll(async () => {
  whole = await startWhole('fuzz', { SLICE_SIZE: '500' });
});
afterAll(() => whole?.[Symbol.asyncDispose]());

/** What holds whatever strangers send. */
function expectUnharmed({ vitals, goodOrders, wrong }: FuzzResult): void {
  const text = vitalsText(vitals);
  console.log(text);
  expect(wrong, 'orders check').toEqual([]);
  expect(goodOrders).toBeGreaterThan(10);
  for (const { name, isAlive, loopDelayMax, pausedMax, memoryMib } of vitals) {
    expect(isAlive, `${name} lives\n${text}`).toBe(true);
    expect(loopDelayMax, `${name}: event loop\n${text}`).toBeLessThan(1);
    expect(pausedMax, `${name}: paused\n${text}`).toBeLessThan(5);
    expect(memoryMib.last - memoryMib.first, `${name}: memory\n${text}`).toBeLessThan(64);
  }
}

test.each(seeds)('every method of every service, called with made-up requests (seed %i)', async (seed) => {
  console.log(`seed ${seed}`);
  const result = await runRpcFuzz(whole, whole, whole.stores, { cases: 500, seed });
  // Some requests pass validation, or only the refusal of what is wrong would have been tried.
  const never = [...result.outcomes].filter(([, outcomes]) =>
    [...outcomes.keys()].every((outcome) => outcome === 'invalid_argument'),
  );
  expect(never.map(([method]) => method)).toEqual([]);
  expectUnharmed(result);
});

test.each(seeds)('mutants on every topic (seed %i)', async (seed) => {
  console.log(`seed ${seed}`);
  expectUnharmed(await runTopicFuzz(whole, whole, whole.stores, { cases: 500, seed }));
});
