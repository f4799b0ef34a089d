import { createLogger, createMetrics } from '@orderflow/runtime';
import { eventually } from '@orderflow/testing';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Outcome } from '../src/domain/input.ts';
import { newPayment } from '../src/domain/payment.ts';
import { type Charger, createCharger } from '../src/inbound/charger.ts';
import type { EndedCall } from '../src/ports.ts';
import type { DueCall } from '../src/use-cases/sheet.ts';

class Outage extends Error {}

/** Payments that are due, in the order they are taken, and everything the charger does with them. */
let due: DueCall[];
let nextDueTime: Date | undefined;
let looks: number[];
let recorded: EndedCall[];
let underWay: number;
let mostUnderWay: number;
let answer: (call: DueCall) => Promise<Outcome>;
let recordFails: (() => Error | undefined) | undefined;
let charger: Charger;
let errors: unknown[];

beforeEach(async () => {
  due = [];
  nextDueTime = undefined;
  looks = [];
  recorded = [];
  underWay = 0;
  mostUnderWay = 0;
  answer = async () => ({ kind: 'approved', transactionId: 'ch' });
  recordFails = undefined;
  errors = [];
  const logger = createLogger({ service: 'test', level: 'silent' });
  vi.spyOn(logger, 'error').mockImplementation((line: unknown) => void errors.push(line));
  charger = createCharger({
    async takeDue(limit) {
      looks.push(limit);
      return { calls: due.splice(0, limit), nextDueTime };
    },
    async record(ended) {
      const failure = recordFails?.();
      if (failure !== undefined) throw failure;
      recorded.push(...ended);
      return [];
    },
    gateway: {
      async call(payment, call) {
        underWay += 1;
        mostUnderWay = Math.max(mostUnderWay, underWay);
        const outcome = await answer({ payment, call });
        underWay -= 1;
        return outcome;
      },
    },
    isOutage: (error) => error instanceof Outage,
    now: () => new Date(),
    logger,
    meter: createMetrics({ service: 'test' }).meter,
    mostCalls: 3,
  });
  await charger.start();
  await eventually(() => looks.length === 1);
});
afterEach(() => charger.stop());

function dueCalls(count: number): DueCall[] {
  return Array.from({ length: count }, (_, index) => ({
    payment: newPayment(`o-${index}`),
    call: { kind: 'CHARGE', number: 1, key: `o-${index}:1` },
  }));
}

test('what becomes due is asked for at once when the charger is woken', async () => {
  const began = performance.now();
  due.push(...dueCalls(1));
  charger.wake();
  await eventually(() => recorded.length === 1, { intervalMs: 1 });
  // It looks by itself once a second only.
  expect(performance.now() - began).toBeLessThan(700);
});

test('no more calls than allowed run side by side, and a backlog is worked off without waiting', async () => {
  const began = performance.now();
  due.push(...dueCalls(30));
  charger.wake();
  await eventually(() => recorded.length === 30);
  expect(mostUnderWay).toBe(3);
  expect(performance.now() - began).toBeLessThan(5_000);
});

test('calls that others have written down are made too, and no more than there is room for beside its own', async () => {
  const { promise: answered, resolve: answerAll } = Promise.withResolvers<void>();
  answer = async () => {
    await answered;
    return { kind: 'approved', transactionId: 'ch' };
  };
  const rooms: number[] = [];
  const write = (most: number) =>
    charger.take(most, async (room) => {
      rooms.push(room);
      return { calls: dueCalls(room) };
    });
  await write(2);
  due.push(...dueCalls(5));
  charger.wake();
  await eventually(() => underWay === 3);
  await write(2);

  expect(rooms).toEqual([2, 0]);
  expect(recorded).toEqual([]);
  answerAll();
  await eventually(() => recorded.length === 7);
  expect(mostUnderWay).toBe(3);
});

test('room that was kept and not needed is for what is due', async () => {
  await charger.take(3, async () => {
    due.push(...dueCalls(1));
    charger.wake();
    // Its look finds that all room is kept.
    await new Promise((resolve) => setImmediate(resolve));
    return { calls: [] };
  });
  const began = performance.now();
  await eventually(() => recorded.length === 1, { intervalMs: 1 });
  expect(performance.now() - began).toBeLessThan(700);
});

test('while the gateway cannot be reached there is no room for calls of others', async () => {
  answer = async () => ({ kind: 'unreachable', detail: 'refused' });
  due.push(...dueCalls(1));
  charger.wake();
  await eventually(() => recorded.length === 1);
  const rooms: number[] = [];
  await charger.take(2, async (room) => {
    rooms.push(room);
    return { calls: [] };
  });
  expect(rooms).toEqual([0]);
});

test('it looks again when the next payment is due', async () => {
  nextDueTime = new Date(Date.now() + 200);
  charger.wake();
  await eventually(() => looks.length === 2, { intervalMs: 1 });
  await eventually(() => looks.length === 3, { intervalMs: 1 });
  expect(Date.now()).toBeGreaterThanOrEqual(nextDueTime.getTime() - 1);
});

test('while the gateway cannot be reached one call at a time finds out; then all go on', async () => {
  let away = true;
  answer = async () =>
    away ? { kind: 'unreachable', detail: 'refused' } : { kind: 'approved', transactionId: 'ch' };
  due.push(...dueCalls(3));
  charger.wake();
  await eventually(() => recorded.length === 3);
  const before = looks.length;
  due.push(...dueCalls(20));
  charger.wake();
  await eventually(() => recorded.length >= 5);
  expect(looks.slice(before).every((limit) => limit <= 1)).toBe(true);
  away = false;
  await eventually(() => recorded.length === 23);
});

test('an outcome is recorded when Postgres is back; what cannot be recorded at all is left to come again', async () => {
  let failures: Error[] = [new Outage('away'), new Outage('away')];
  recordFails = () => failures.shift();
  due.push(...dueCalls(1));
  charger.wake();
  await eventually(() => recorded.length === 1);
  failures = [new Error('a bug')];
  due.push(...dueCalls(1));
  charger.wake();
  await eventually(() => failures.length === 0);
  due.push(...dueCalls(1));
  charger.wake();
  await eventually(() => recorded.length === 2);
});

test('what the gateway refuses is an error once, when it is new', async () => {
  answer = async () => ({ kind: 'refused', detail: 'no' });
  const [fresh] = dueCalls(1);
  if (fresh === undefined) throw new Error('there is no call');
  due.push(fresh, { ...fresh, payment: { ...fresh.payment, problem: 'no' } });
  charger.wake();
  await eventually(() => recorded.length === 2);
  expect(errors).toEqual([expect.objectContaining({ order_id: 'o-0', outcome: 'refused', detail: 'no' })]);
});

test('a stop waits for the calls under way, and their record', async () => {
  const { promise: hold, resolve: release } = Promise.withResolvers<void>();
  answer = async () => {
    await hold;
    return { kind: 'approved', transactionId: 'ch' };
  };
  due.push(...dueCalls(1));
  charger.wake();
  await eventually(() => underWay === 1);
  let stopped = false;
  const stopping = charger.stop().then(() => {
    stopped = true;
  });
  due.push(...dueCalls(1));
  release();
  await stopping;
  expect([stopped, recorded.length, due.length]).toEqual([true, 1, 1]);
});
