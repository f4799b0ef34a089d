import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { topics } from '@orderflow/contracts';
import { repositoryRoot } from '@orderflow/devstack';
import { type Audit, audit, isSettled } from '@orderflow/local/audit';
import type { TestOrder } from '@orderflow/local/orders';
import { openStores, type Stores } from '@orderflow/local/stores';
import { createSystem, type Service, type System } from '@orderflow/local/system';
import { eventually, testStack, uniqueName } from '@orderflow/testing';
import { expect } from 'vitest';

/** A system with its own topics and databases. Disposing of it stops its processes. */
export interface TestSystem extends System, AsyncDisposable {
  readonly stores: Stores;
}

/**
 * Creates a system on the stack that all suites share; nothing is started yet. `name`: the folder of its logs, in
 * `.orderflow/e2e-logs`. `env`: for every process, also to give it other stores. `auth`: with an identity stub.
 */
export async function createTestSystem(
  name: string,
  env: Record<string, string> = {},
  { auth = false } = {},
): Promise<TestSystem> {
  const logDir = join(repositoryRoot, '.orderflow/e2e-logs', name);
  await rm(logDir, { recursive: true, force: true });
  await mkdir(logDir, { recursive: true });
  const { urls } = testStack();
  const prefix = `${uniqueName('e2e')}_`;
  const prefixes = { TOPIC_PREFIX: prefix, DATABASE_PREFIX: prefix };
  // Small batches, so that something is always in flight.
  const all = { ...prefixes, SLICE_SIZE: '50', ...env };
  const system = await createSystem({ urls, ports: 'free', logDir, env: all, auth });
  const stores = await openStores({ ...urls, ...all });
  return {
    ...system,
    stores,
    async [Symbol.asyncDispose]() {
      await system.stop();
      await stores[Symbol.asyncDispose]();
    },
  };
}

/** A second set of the same processes on the same stores, not started; they have their own ports and logs. */
export async function createSecondSystem({ services, env }: TestSystem): Promise<System> {
  const logDir = join(dirname(services['order-worker'].logFile), 'second');
  await mkdir(logDir, { recursive: true });
  return createSystem({ urls: testStack().urls, ports: 'free', logDir, env: { ...env } });
}

/** Sends orders, 100 at a time. */
export async function sendOrders(stores: Stores, orders: readonly TestOrder[]): Promise<void> {
  for (let start = 0; start < orders.length; start += 100) {
    await stores.send(orders.slice(start, start + 100).map(({ record }) => record));
  }
}

/** The number of orders decided in Postgres; 0 also before its tables exist. */
export async function decidedCount(stores: Stores): Promise<number> {
  const rows = await stores
    .query<{ count: number }>('select count(*)::int as count from orders')
    .catch(() => []);
  return rows[0]?.count ?? 0;
}

/** Starts a service that kills itself at `point` (`name#n`: the n-th time it is passed), and waits until it has. */
export async function startAndCrash(service: Service, point: string): Promise<void> {
  const running = service.launch({ ORDERFLOW_TEST: '1', CRASH_AT: point });
  await running.waitForLine(new RegExp(`crash point ${point} reached`), { timeoutMs: 60_000 });
  expect(await running.exited).toEqual({ code: null, signal: 'SIGKILL' });
}

/**
 * Waits until none of `orders` is in flight, and compares every store with them: one decision, one document, one event
 * after duplicates are removed, each as expected; dead letters for unreadable records, and for nothing else.
 */
export async function expectAllSettled(stores: Stores, orders: readonly TestOrder[]): Promise<Audit> {
  await eventually(() => isSettled(stores, orders), { timeoutMs: 60_000, intervalMs: 100 });
  const result = await audit(stores, orders);
  expect(result.findings.filter(({ violations }) => violations.length > 0)).toEqual([]);

  const readable = orders.filter(({ expected }) => expected.outcome !== 'DEAD_LETTER').length;
  const deadLetters = [...result.deadLettersByReason.values()].reduce((sum, count) => sum + count, 0);
  const [history] = await stores.query<{ count: number }>('select count(*)::int as count from order_history');
  expect({
    orders: await decidedCount(stores),
    decisions: history?.count,
    documents: (await stores.documents()).length,
    events: result.distinctEvents,
    deadLetters,
  }).toEqual({
    orders: readable,
    decisions: readable,
    documents: readable,
    events: readable,
    deadLetters: await unreadableRecords(stores, orders),
  });
  return result;
}

/** The number of unreadable records: one may have been sent again after a lost acknowledgement. */
async function unreadableRecords(stores: Stores, orders: readonly TestOrder[]): Promise<number> {
  const unreadable = new Set(
    orders
      .filter(({ expected }) => expected.outcome === 'DEAD_LETTER')
      .map(({ record }) => record.value.toString('base64')),
  );
  const records = await stores.readTopic(topics.orders);
  return records.filter(({ value }) => unreadable.has(value?.toString('base64') ?? '')).length;
}
