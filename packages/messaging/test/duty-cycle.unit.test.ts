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

function work(ms: number): void {
  cycle.begin();
  pass(ms);
  cycle.end();
}

describe('a duty cycle', () => {
  test('lets a burst pass without a pause', () => {
    for (let turn = 0; turn < 5; turn++) {
      work(4);
      expect(cycle.pauseMs()).toBe(0);
    }
  });

  test('asks for a pause that makes up for what was done beyond the burst', () => {
    work(40);
    // 40 ms of work, of which 10 were earned meanwhile and 20 before.
    expect(cycle.pauseMs()).toBe(40);
    pass(30);
    expect(cycle.pauseMs()).toBe(10);
    pass(10);
    expect(cycle.pauseMs()).toBe(0);
  });

  test('spends its share of the time on work, whatever the work takes', () => {
    let worked = 0;
    const began = performance.now();
    for (let turn = 0; turn < 200; turn++) {
      const ms = 1 + (turn % 7);
      work(ms);
      worked += ms;
      pass(cycle.pauseMs());
    }
    const share = (worked - options.burstMs) / (performance.now() - began);
    expect(share).toBeCloseTo(options.share, 1);
  });

  test('never asks for more than the longest pause', () => {
    work(10_000);
    expect(cycle.pauseMs()).toBe(100);
  });

  test('saves no more than the burst while there is nothing to do', () => {
    pass(60_000);
    work(40);
    expect(cycle.pauseMs()).toBe(40);
  });

  test('counts work that overlaps once', () => {
    cycle.begin();
    pass(20);
    cycle.begin();
    pass(10);
    cycle.end();
    pass(10);
    cycle.end();
    expect(cycle.pauseMs()).toBe(40);
  });
});
