import { createLogger, createMetrics } from '@orderflow/runtime';
import { eventually } from '@orderflow/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createMailDispatcher, type MailDispatcher } from '../src/dispatcher/mail-dispatcher.ts';
import type { Outcome } from '../src/domain/delivery.ts';
import type { DueMail } from '../src/ports.ts';

class Outage extends Error {}

/** Due mails, in the order they are begun, and everything the dispatcher does with them. */
let due: DueMail[];
let polls: number[];
let recorded: { readonly id: string; readonly outcome: Outcome }[];
let inFlight: number;
let maxInFlight: number;
let respond: (mail: { readonly to: string }, signal: AbortSignal) => Promise<Outcome>;
let endFails: (() => Error | undefined) | undefined;
let isClosed: boolean;
let dispatcher: MailDispatcher;

const accepted: Outcome = { kind: 'accepted', detail: '250 ok' };

beforeEach(async () => {
  due = [];
  polls = [];
  recorded = [];
  inFlight = 0;
  maxInFlight = 0;
  respond = async () => accepted;
  endFails = undefined;
  isClosed = false;
  dispatcher = createMailDispatcher({
    async begin(limit) {
      polls.push(limit);
      return { mails: due.splice(0, limit), failed: [], nextDueTime: undefined };
    },
    async end(delivery, outcome) {
      const failure = endFails?.();
      if (failure !== undefined) throw failure;
      recorded.push({ id: delivery.id, outcome });
      return delivery;
    },
    server: {
      async deliver(mail, signal) {
        inFlight += 1;
        maxInFlight = Math.max(maxInFlight, inFlight);
        const outcome = await respond(mail, signal);
        inFlight -= 1;
        return outcome;
      },
      close() {
        isClosed = true;
      },
    },
    isOutage: (error) => error instanceof Outage,
    now: () => new Date(),
    stopAfterMs: 50,
    logger: createLogger({ service: 'test', level: 'silent' }),
    meter: createMetrics({ service: 'test' }).meter,
  });
  await dispatcher.start();
  await eventually(() => polls.length === 1);
});
afterEach(() => dispatcher.stop());

function dueMails(count: number): DueMail[] {
  return Array.from({ length: count }, (_, index) => ({
    delivery: {
      id: `o-${index}.confirmed`,
      state: 'SENDING',
      attempts: 1,
      unknown: 0,
      lastDetail: '',
      sendTime: undefined,
      giveUpTime: new Date(),
    },
    recipient: 'ada@example.com',
    message: new Uint8Array(),
  }));
}

test('no more than 8 attempts are in flight, and a backlog is drained without waiting for polls', async () => {
  due.push(...dueMails(100));
  dispatcher.wake();
  await eventually(() => recorded.length === 100, { timeoutMs: 10_000 });
  expect(maxInFlight).toBeLessThanOrEqual(8);
  expect(maxInFlight).toBeGreaterThan(1);
});

test('while the mail server is unavailable, one attempt at a time probes; then all are made', async () => {
  respond = async () => ({ kind: 'unreachable', detail: 'ECONNREFUSED' });
  due.push(...dueMails(8));
  dispatcher.wake();
  await eventually(() => recorded.length === 8);
  maxInFlight = 0;
  due.push(...dueMails(20));
  const before = polls.length;
  // Mails that become due do not hasten it.
  dispatcher.wake();
  await eventually(() => recorded.length === 9);
  expect(maxInFlight).toBe(1);
  expect(new Set(polls.slice(before))).toEqual(new Set([1]));
  respond = async () => accepted;
  await eventually(() => recorded.length === 28);
});

test('what a mail server says is recorded without addresses', async () => {
  respond = async ({ to }) => ({ kind: 'refused', detail: `550 <${to}> is unknown` });
  due.push(...dueMails(1));
  dispatcher.wake();
  await eventually(() => recorded.length === 1);
  expect(recorded[0]?.outcome).toEqual({ kind: 'refused', detail: '550 <(address)> is unknown' });
});

test('an outcome that cannot be recorded is recorded when Postgres is back', async () => {
  let outages = 1;
  endFails = () => (outages-- > 0 ? new Outage() : undefined);
  due.push(...dueMails(1));
  dispatcher.wake();
  await eventually(() => recorded.length === 1);
});

test('a stop aborts attempts that hang, records their outcomes, and closes the mail server', async () => {
  respond = (_, signal) =>
    new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve({ kind: 'unknown', detail: 'stopped' }));
    });
  due.push(...dueMails(3));
  dispatcher.wake();
  await eventually(() => inFlight === 3);
  await dispatcher.stop();
  expect(recorded.map(({ outcome }) => outcome.kind)).toEqual(['unknown', 'unknown', 'unknown']);
  expect(isClosed).toBe(true);
});
