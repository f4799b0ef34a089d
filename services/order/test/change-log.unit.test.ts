import { describe, expect, test } from 'vitest';
import {
  type ChangeLog,
  createChangeLog,
  LostChangesError,
  type OrderChange,
  type Positions,
} from '../src/domain/change-log.ts';

const everything = () => true;

function logOf({
  start = {},
  end = {},
  maxChanges = 1_000,
  maxAgeMs = 1e9,
  now = (): number => 0,
} = {}): ChangeLog {
  const positions = (given: Record<number, number>) =>
    new Map(Object.entries(given).map(([partition, offset]) => [Number(partition), offset]));
  return createChangeLog({ start: positions(start), end: positions(end), maxChanges, maxAgeMs, now });
}

function append(
  log: ChangeLog,
  partition: number,
  offset: number,
  orderId: string,
  version: number,
): boolean {
  const change: OrderChange = { orderId, version, customerId: `c-${orderId}`, partition, offset };
  const isNew = log.append(change);
  log.advance(partition, offset + 1);
  return isNew;
}

const idsOf = (changes: readonly OrderChange[]) =>
  changes.map(({ orderId, version }) => `${orderId}/${version}`);

test('a reader gets of each order the last change, and where to continue', () => {
  const log = logOf();
  const reader = log.reader();
  append(log, 0, 0, 'a', 1);
  append(log, 1, 0, 'b', 1);
  append(log, 0, 1, 'a', 2);
  const { changes, end } = reader.take(10, everything);
  expect(idsOf(changes)).toEqual(['b/1', 'a/2']);
  expect(Object.fromEntries(end)).toEqual({ 0: 2, 1: 1 });
  expect(reader.take(10, everything).changes).toEqual([]);
});

test('a change that was published twice is in the log once', () => {
  const log = logOf();
  expect(append(log, 0, 0, 'a', 1)).toBe(true);
  expect(append(log, 0, 1, 'a', 1)).toBe(false);
  expect(append(log, 0, 2, 'a', 2)).toBe(true);
  expect(append(log, 0, 3, 'a', 1)).toBe(false);
  expect(idsOf(log.reader(new Map()).take(10, everything).changes)).toEqual(['a/2']);
});

test('a reader without positions begins after what was there before the log', () => {
  const log = logOf({ start: { 0: 5 }, end: { 0: 7 } });
  const reader = log.reader();
  append(log, 0, 5, 'a', 1);
  append(log, 0, 6, 'b', 1);
  append(log, 0, 7, 'c', 1);
  expect(idsOf(reader.take(10, everything).changes)).toEqual(['c/1']);
});

describe('changes that are not kept', () => {
  test('are refused to who continues before them', () => {
    const log = logOf({ start: { 0: 5, 1: 0 } });
    expect(() => log.reader(new Map([[0, 4]]))).toThrow(LostChangesError);
    expect(() => log.reader(new Map([[1, 0]]))).toThrow(LostChangesError);
    expect(() => log.reader(new Map([[0, 5]]))).not.toThrow();
  });

  test('are missed by a reader that is too slow, unless later ones have replaced them', () => {
    const log = logOf({ maxChanges: 3 });
    const reader = log.reader();
    for (let n = 0; n < 10; n++) append(log, 0, n, 'same', n + 1);
    expect(idsOf(reader.take(1, everything).changes)).toEqual(['same/10']);
    for (let n = 10; n < 14; n++) append(log, 0, n, `order-${n}`, 1);
    expect(() => reader.take(1, everything)).toThrow(LostChangesError);
    expect(() => log.reader(new Map([[0, 10]]))).toThrow(LostChangesError);
    expect(idsOf(log.reader(new Map([[0, 11]])).take(10, everything).changes)).toEqual([
      'order-11/1',
      'order-12/1',
      'order-13/1',
    ]);
  });

  test('are those that are too old, once there are newer ones', () => {
    let time = 0;
    const log = logOf({ maxAgeMs: 100, now: () => time });
    append(log, 0, 0, 'a', 1);
    time = 101;
    expect(() => log.reader(new Map([[0, 0]]))).not.toThrow();
    append(log, 0, 1, 'b', 1);
    expect(() => log.reader(new Map([[0, 0]]))).toThrow(LostChangesError);
  });

  test('take no memory: a log that was filled many times over keeps its size', () => {
    const log = logOf({ maxChanges: 1_000 });
    for (let n = 0; n < 20_000; n++) append(log, 0, n, `order-${n}`, 1);
    const { changes } = log.reader(new Map([[0, 19_000]])).take(20_000, everything);
    expect(changes).toHaveLength(1_000);
  });
});

test('positions of another instance, which has read more, are continued from there', () => {
  const log = logOf({ start: { 0: 0 } });
  const ahead: Positions = new Map([[0, 2]]);
  const reader = log.reader(ahead);
  append(log, 0, 0, 'a', 1);
  expect(reader.take(10, everything)).toEqual({ changes: [], end: ahead });
  append(log, 0, 1, 'b', 1);
  append(log, 0, 2, 'c', 1);
  expect(idsOf(reader.take(10, everything).changes)).toEqual(['c/1']);
});
