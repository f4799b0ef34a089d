import { createLogger, createMetrics } from '@orderflow/runtime';
import { eventually } from '@orderflow/testing';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createGatewayDispatcher, type GatewayDispatcher } from '../src/dispatcher/gateway-dispatcher.ts';
import type { Outcome } from '../src/domain/input.ts';
import type { EndedCall } from '../src/ports.ts';
import type { DueCall } from '../src/use-cases/unit-of-work.ts';
import { states } from './states.ts';

class Outage extends Error {}

/** Due payments, in the order they are claimed, and everything the dispatcher does with them. */
let due: DueCall[];
let nextDueTime: Date | undefined;
let polls: number[];
let recorded: EndedCall[];
let inFlight: number;
let maxInFlight: number;
let reply: (call: DueCall) => Promise<Outcome>;
let recordFails: (() => Error | undefined) | undefined;
let dispatcher: GatewayDispatcher;
let errors: unknown[];

beforeEach(async () => {
  due = [];
  nextDueTime = undefined;
  polls = [];
  recorded = [];
  inFlight = 0;
  maxInFlight = 0;
  reply = async () => ({ kind: 'approved', transactionId: 'ch' });
  recordFails = undefined;
  errors = [];
  const logger = createLogger({ service: 'test', level: 'silent' });
  vi.spyOn(logger, 'error').mockImplementation((line: unknown) => void errors.push(line));
  dispatcher = createGatewayDispatcher({
    async claimDueCalls(limit) {
      polls.push(limit);
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
        inFlight += 1;
        maxInFlight = Math.max(maxInFlight, inFlight);
        const outcome = await reply({ payment, call });
        inFlight -= 1;
        return outcome;
      },
    },
    isOutage: (error) => error instanceof Outage,
    now: () => new Date(),
    logger,
    meter: createMetrics({ service: 'test' }).meter,
    maxCalls: 3,
  });
  await dispatcher.start();
  await eventually(() => polls.length === 1);
});
afterEach(() => dispatcher.stop());

function dueCalls(count: number): DueCall[] {
  return Array.from({ length: count }, (_, index) => ({
    payment: { ...states['not yet tried'], orderId: `o-${index}` },
    call: { kind: 'CHARGE', number: 1, key: `o-${index}:1` },
  }));
}

test('due payments are claimed at once when the dispatcher is woken', async () => {
  const began = performance.now();
  due.push(...dueCalls(1));
  dispatcher.wake();
  await eventually(() => recorded.length === 1, { intervalMs: 1 });
  // It polls by itself only once a second.
  expect(performance.now() - began).toBeLessThan(700);
});

test('no more calls than allowed run side by side, and a backlog is drained without waiting', async () => {
  const began = performance.now();
  due.push(...dueCalls(30));
  dispatcher.wake();
  await eventually(() => recorded.length === 30);
  expect(maxInFlight).toBe(3);
  expect(performance.now() - began).toBeLessThan(5_000);
});

test('calls written by others are made too, and no more than there are free permits', async () => {
  const { promise: replied, resolve: replyToAll } = Promise.withResolvers<void>();
  reply = async () => {
    await replied;
    return { kind: 'approved', transactionId: 'ch' };
  };
  const offered: number[] = [];
  const write = (max: number) => {
    const permits = dispatcher.acquire(max);
    offered.push(permits.count);
    permits.call(dueCalls(permits.count));
    permits.release();
  };
  write(2);
  due.push(...dueCalls(5));
  dispatcher.wake();
  await eventually(() => inFlight === 3);
  write(2);

  expect(offered).toEqual([2, 0]);
  expect(recorded).toEqual([]);
  replyToAll();
  await eventually(() => recorded.length === 7);
  expect(maxInFlight).toBe(3);
});

test('reserved permits that were not needed are used for due calls', async () => {
  const permits = dispatcher.acquire(3);
  due.push(...dueCalls(1));
  dispatcher.wake();
  // The poll finds all permits reserved.
  await new Promise((resolve) => setImmediate(resolve));
  permits.release();
  const began = performance.now();
  await eventually(() => recorded.length === 1, { intervalMs: 1 });
  expect(performance.now() - began).toBeLessThan(700);
});

test('while the gateway is unavailable there are no permits for calls of others', async () => {
  reply = async () => ({ kind: 'unreachable', detail: 'refused' });
  due.push(...dueCalls(1));
  dispatcher.wake();
  await eventually(() => recorded.length === 1);
  expect(dispatcher.acquire(2).count).toBe(0);
});

test('it polls again when the next payment is due', async () => {
  nextDueTime = new Date(Date.now() + 200);
  dispatcher.wake();
  await eventually(() => polls.length === 2, { intervalMs: 1 });
  await eventually(() => polls.length === 3, { intervalMs: 1 });
  expect(Date.now()).toBeGreaterThanOrEqual(nextDueTime.getTime() - 1);
});

test('while the gateway is unavailable one call at a time probes it; then all continue', async () => {
  let away = true;
  reply = async () =>
    away ? { kind: 'unreachable', detail: 'refused' } : { kind: 'approved', transactionId: 'ch' };
  due.push(...dueCalls(3));
  dispatcher.wake();
  await eventually(() => recorded.length === 3);
  const before = polls.length;
  due.push(...dueCalls(20));
  dispatcher.wake();
  await eventually(() => recorded.length >= 5);
  expect(polls.slice(before).every((limit) => limit <= 1)).toBe(true);
  away = false;
  await eventually(() => recorded.length === 23);
});

test('an outcome is recorded when Postgres is back; an outcome that cannot be recorded at all is repeated', async () => {
  let failures: Error[] = [new Outage('unavailable'), new Outage('unavailable')];
  recordFails = () => failures.shift();
  due.push(...dueCalls(1));
  dispatcher.wake();
  await eventually(() => recorded.length === 1);
  failures = [new Error('a bug')];
  due.push(...dueCalls(1));
  dispatcher.wake();
  await eventually(() => failures.length === 0);
  due.push(...dueCalls(1));
  dispatcher.wake();
  await eventually(() => recorded.length === 2);
});

test('a refusal of the gateway is logged as an error once, when it is new', async () => {
  reply = async () => ({ kind: 'refused', detail: 'no' });
  const [fresh] = dueCalls(1);
  if (fresh === undefined) throw new Error('there is no call');
  due.push(fresh, { ...fresh, payment: states['settling, refused'] });
  dispatcher.wake();
  await eventually(() => recorded.length === 2);
  expect(errors).toEqual([expect.objectContaining({ order_id: 'o-0', outcome: 'refused', detail: 'no' })]);
});

test('a stop waits for the calls in flight, and their record', async () => {
  const { promise: hold, resolve: release } = Promise.withResolvers<void>();
  reply = async () => {
    await hold;
    return { kind: 'approved', transactionId: 'ch' };
  };
  due.push(...dueCalls(1));
  dispatcher.wake();
  await eventually(() => inFlight === 1);
  let stopped = false;
  const stopping = dispatcher.stop().then(() => {
    stopped = true;
  });
  due.push(...dueCalls(1));
  release();
  await stopping;
  expect([stopped, recorded.length, due.length]).toEqual([true, 1, 1]);
});
