import { createLogger } from '@orderflow/runtime';
import { describe, expect, test, vi } from 'vitest';
import { createPauses } from '../src/pauses.ts';
import { receivedRecord } from '../src/received-record.ts';
import { createTenures } from '../src/tenure.ts';

const logger = createLogger({ service: 'test', level: 'silent' });
const record = (offset: number) =>
  receivedRecord('inbox', 0, {
    key: null,
    value: null,
    timestamp: '0',
    attributes: 0,
    offset: `${offset}`,
    headers: {},
  });

test('nothing is ours before the group has been joined', () => {
  expect(createTenures(1_000).current.isCurrent()).toBe(false);
});

test('a tenure ends a session after the last answered heartbeat was sent, and does not come back', () => {
  let now = 0;
  const tenures = createTenures(1_000, () => now);
  tenures.joined();
  const { current: first } = tenures;
  now = 1_000;
  expect(first.isCurrent()).toBe(true);
  // Frozen: the answer to a heartbeat sent at 900 is read at 1,500.
  now = 1_500;
  tenures.confirmed(900);
  expect(first.isCurrent()).toBe(true);
  now = 1_901;
  expect(first.isCurrent()).toBe(false);
  expect(first.signal.aborted).toBe(true);

  now = 2_000;
  tenures.confirmed(1_990);
  expect(first.isCurrent()).toBe(false);
  expect(tenures.current.isCurrent()).toBe(true);
});

test('joining again ends what ran before, a rebalance that is only announced does not', () => {
  const tenures = createTenures(1_000, () => 0);
  tenures.joined();
  const { current: first } = tenures;
  tenures.ending();
  expect(first.isCurrent()).toBe(true);
  expect(first.ending).toBe(true);
  tenures.joined();
  expect(first.signal.aborted).toBe(true);
  expect(tenures.current.ending).toBe(false);
  tenures.lost();
  expect(tenures.current.isCurrent()).toBe(false);
});

test('pauses grow from 100 ms to 5 s, and start small again after progress', () => {
  vi.useFakeTimers();
  const delays: number[] = [];
  const pauses = createPauses(logger, () => Date.now());
  const wait = (progressed: boolean) => {
    let resumed = false;
    pauses.pause({ topic: 'inbox', partition: 0 }, { cause: 'test', progressed }, () => () => {
      resumed = true;
    });
    const start = Date.now();
    while (!resumed) vi.advanceTimersByTime(1);
    delays.push(Date.now() - start);
  };
  for (let n = 0; n < 9; n += 1) wait(false);
  wait(true);
  vi.useRealTimers();

  const expected = [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000, 100];
  delays.forEach((delay, n) => {
    expect(delay).toBeLessThanOrEqual((expected[n] ?? 0) + 1);
    expect(delay).toBeGreaterThanOrEqual((expected[n] ?? 0) / 2);
  });
});

test('a lost partition is not resumed, and is not counted any more', () => {
  vi.useFakeTimers();
  const pauses = createPauses(logger);
  const resume = vi.fn();
  pauses.pause({ topic: 'inbox', partition: 0 }, { cause: 'test', progressed: false }, () => resume);
  pauses.pause({ topic: 'inbox', partition: 1 }, { cause: 'test', progressed: false }, () => resume);
  expect(pauses.count('inbox')).toBe(2);
  pauses.retain(({ partition }) => partition === 1);
  expect(pauses.count('inbox')).toBe(1);
  vi.advanceTimersByTime(10_000);
  vi.useRealTimers();
  expect(resume).toHaveBeenCalledTimes(1);
});

describe('a lone record that fails', () => {
  /** Each failure comes after `between` slices of other partitions were handled. */
  function failing(between = 1) {
    let now = 0;
    const pauses = createPauses(logger, () => now);
    return {
      pauses,
      at(times: number[], offset = 1): boolean[] {
        return times.map((time) => {
          now = time;
          for (let n = 0; n < between; n += 1) pauses.proven();
          return pauses.hasFailedEnough(record(offset));
        });
      },
    };
  }

  test('has failed enough after five tries and ten seconds, whichever is later', () => {
    const { at, pauses } = failing();
    expect(at([0, 100, 200, 300, 400, 9_999])).not.toContain(true);
    expect(at([10_000])).toEqual([true]);

    expect(at([20_000, 31_000, 32_000, 33_000], 2)).not.toContain(true);
    expect(at([33_001], 2)).toEqual([true]);

    expect(at([40_000, 51_000, 52_000], 3)).not.toContain(true);
    pauses.over(record(3));
    expect(at([53_000, 64_000], 3)).not.toContain(true);
  });

  test('has never failed enough while nothing else is handled', () => {
    const { at, pauses } = failing(0);
    // What was on its way when the world broke is no proof that it is well.
    pauses.proven();
    expect(at([0, 1_000, 5_000, 10_000, 20_000, 60_000, 3_600_000])).not.toContain(true);
    pauses.proven();
    expect(at([3_601_000, 3_602_000, 3_603_000, 3_604_000, 3_605_000])).not.toContain(true);
  });
});
