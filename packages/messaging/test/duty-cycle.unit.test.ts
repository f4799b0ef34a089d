import { beforeEach, describe, expect, test, vi } from 'vitest';
import { createDutyCycle, type DutyCycle } from '../src/duty-cycle.ts';

const options = { share: 0.25, burstMs: 20, maxPauseMs: 100 };
let cycle: DutyCycle;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
  cycle = createDutyCycle(options);
  return () => vi.useRealTimers();
});

const pass = (ms: number) => vi.advanceTimersByTime(ms);

/** Works, and returns the pause that follows. */
async function work(ms: number): Promise<number> {
  const { pauseMs } = await cycle.run(async () => pass(ms));
  return pauseMs;
}

/** Begins work; returns a function that ends it and returns the pause that follows. */
function beginWork(): () => Promise<number> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = cycle.run(() => promise);
  return async () => {
    resolve();
    return (await done).pauseMs;
  };
}

describe('a duty cycle', () => {
  test('lets a burst pass without a pause', async () => {
    for (let turn = 0; turn < 5; turn++) expect(await work(4)).toBe(0);
  });

  test('asks for a pause that makes up for what was done beyond the burst', async () => {
    // 40 ms of work, of which 10 were earned meanwhile and 20 before.
    expect(await work(40)).toBe(40);
    pass(30);
    // 10 ms of pause were still due; 20 ms of work earn 5.
    expect(await work(20)).toBe(60);
  });

  test('spends its share of the time on work, whatever the work takes', async () => {
    let worked = 0;
    const began = performance.now();
    for (let turn = 0; turn < 200; turn++) {
      const ms = 1 + (turn % 7);
      const pauseMs = await work(ms);
      worked += ms;
      pass(pauseMs);
    }
    const share = (worked - options.burstMs) / (performance.now() - began);
    expect(share).toBeCloseTo(options.share, 1);
  });

  test('never asks for more than the longest pause', async () => {
    expect(await work(10_000)).toBe(100);
  });

  test('saves no more than the burst while there is nothing to do', async () => {
    pass(60_000);
    expect(await work(40)).toBe(40);
  });

  test('counts work that overlaps once, and has no work pause for what other work took', async () => {
    const endLong = beginWork();
    pass(1_000);
    const endShort = beginWork();
    pass(2);
    expect(await endShort()).toBe(6);
    pass(18);
    expect(await endLong()).toBe(100);
  });
});
