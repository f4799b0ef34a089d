import { createLogger } from '@orderflow/runtime';
import { describe, expect, test, vi } from 'vitest';
import { createAssignments } from '../src/consumer/assignment.ts';
import { createPauses } from '../src/consumer/pauses.ts';
import { receivedRecord } from '../src/received-record.ts';

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
  expect(createAssignments(1_000).current.isCurrent()).toBe(false);
});

test('an assignment ends one session after the last confirmed heartbeat was sent, and does not come back', () => {
  let now = 0;
  const assignments = createAssignments(1_000, () => now);
  assignments.joined();
  const { current: first } = assignments;
  now = 1_000;
  expect(first.isCurrent()).toBe(true);
  // Frozen: the response to a heartbeat sent at 900 is read at 1,500.
  now = 1_500;
  assignments.confirmed(900);
  expect(first.isCurrent()).toBe(true);
  now = 1_901;
  expect(first.isCurrent()).toBe(false);
  expect(first.signal.aborted).toBe(true);

  now = 2_000;
  assignments.confirmed(1_990);
  expect(first.isCurrent()).toBe(false);
  expect(assignments.current.isCurrent()).toBe(true);
});

test('rejoining ends the assignment, a pending rebalance does not', () => {
  const assignments = createAssignments(1_000, () => 0);
  assignments.joined();
  const { current: first } = assignments;
  assignments.ending();
  expect(first.isCurrent()).toBe(true);
  expect(first.ending).toBe(true);
  assignments.joined();
  expect(first.signal.aborted).toBe(true);
  expect(assignments.current.ending).toBe(false);
  assignments.lost();
  expect(assignments.current.isCurrent()).toBe(false);
});

test('pauses grow from 100 ms to 5 s, and start small again after progress', () => {
  vi.useFakeTimers();
  const delays: number[] = [];
  const pauses = createPauses(logger, () => Date.now());
  const wait = (progressed: boolean) => {
    let resumed = false;
    pauses.pause({ topic: 'inbox', partition: 0 }, { offset: 1n, cause: 'test', progressed }, () => () => {
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

describe('what ends a pause lets the partition continue, so that nothing is held back for ever', () => {
  const here = { topic: 'inbox', partition: 0 };
  const there = { topic: 'inbox', partition: 1 };
  const reason = { offset: 1n, cause: 'test', progressed: false };

  /** As kafkajs does: independent of us, and across assignments. */
  function heldPartitions() {
    const held = new Set<number>();
    const hold =
      ({ partition }: typeof here) =>
      () => {
        held.add(partition);
        return () => void held.delete(partition);
      };
    return { held, hold };
  }

  test('its partition is taken away', () => {
    vi.useFakeTimers();
    const pauses = createPauses(logger);
    const { held, hold } = heldPartitions();
    pauses.pause(here, reason, hold(here));
    pauses.pause(there, reason, hold(there));
    expect([pauses.count('inbox'), held]).toEqual([2, new Set([0, 1])]);
    pauses.retain(({ partition }) => partition === 1);
    expect([pauses.count('inbox'), held]).toEqual([1, new Set([1])]);
    vi.advanceTimersByTime(10_000);
    vi.useRealTimers();
    expect([pauses.count('inbox'), held]).toEqual([1, new Set()]);
  });

  test('a batch that was fetched before it is handled', () => {
    const pauses = createPauses(logger);
    const { held, hold } = heldPartitions();
    pauses.pause(here, reason, hold(here));
    pauses.resumed(here);
    expect([pauses.count('inbox'), held]).toEqual([0, new Set()]);
  });
});

describe('a single record that fails', () => {
  /** Each failure comes after `between` batches of other partitions were handled. */
  function failing(between = 1) {
    let now = 0;
    const pauses = createPauses(logger, () => now);
    return {
      pauses,
      at(times: number[], offset = 1): boolean[] {
        return times.map((time) => {
          now = time;
          for (let n = 0; n < between; n += 1) pauses.storesHealthy();
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
    pauses.resumed(record(3));
    expect(at([53_000, 64_000], 3)).not.toContain(true);
  });

  test('has never failed enough while nothing else is handled', () => {
    const { at, pauses } = failing(0);
    // Batches in flight when a store failed do not prove that it is healthy.
    pauses.storesHealthy();
    expect(at([0, 1_000, 5_000, 10_000, 20_000, 60_000, 3_600_000])).not.toContain(true);
    pauses.storesHealthy();
    expect(at([3_601_000, 3_602_000, 3_603_000, 3_604_000, 3_605_000])).not.toContain(true);
  });
});
