import { setTimeout as sleep } from 'node:timers/promises';
import { isSettled } from '@orderflow/local/audit';
import { eventually } from '@orderflow/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSecondWorker, type Run, startRun } from '../src/grid.ts';
import { decidedCount } from '../src/test-system.ts';

/** As `createSystem` sets it. */
const sessionMs = 3_000;

let run: Run;
beforeAll(async () => {
  run = await startRun('faults-workers');
});
afterAll(() => run?.[Symbol.asyncDispose]());

test('a second worker that comes and goes every 2 s, stopped and killed in turn, disturbs nothing', async () => {
  await using second = await createSecondWorker(run);
  const orders = run.make('storm', 3_000);
  const rounds = 6;
  for (let round = 0; round < rounds; round += 1) {
    const decided = await decidedCount(run.stores);
    await second.start();
    await run.send(orders.slice((round * 3_000) / rounds, ((round + 1) * 3_000) / rounds));
    await sleep(500);
    if (round % 2 === 0) await second.stop();
    else await second.kill();
    // Work continues in the midst of it, at the latest once the session of a killed one is over.
    await eventually(async () => (await decidedCount(run.stores)) > decided);
  }
  await run.settle();
});

test('a worker frozen past its session finds its work done by another, and does nothing twice', async () => {
  await using second = await createSecondWorker(run);
  const orders = run.make('frozen', 3_000);
  await run.send(orders.slice(0, 2_500));
  await eventually(freezeInTransaction, { intervalMs: 5 });
  expect(await isSettled(run.stores, run.sent)).toBe(false);
  const frozenAt = Date.now();
  try {
    await second.start();
    await eventually(() => isSettled(run.stores, run.sent), { timeoutMs: 60_000 });
    expect(Date.now() - frozenAt).toBeGreaterThan(sessionMs);
  } finally {
    run.worker.thaw();
  }
  await run.send(orders.slice(2_500));
  await run.settle();
  // It has joined again, and is of use alone.
  await second.stop();
  await run.worker.ready();
  await run.send(run.make('thawed', 100));
  await run.settle();
});

/** Freezes the worker where it holds the locks of a batch's orders; lets it continue where it does not. */
async function freezeInTransaction(): Promise<boolean> {
  run.worker.freeze();
  const [open] = await run.stores.query<{ count: number }>(
    `select count(*)::int as count from pg_stat_activity
     where datname = current_database() and application_name = 'order-worker' and state = 'idle in transaction'`,
  );
  if (open !== undefined && open.count > 0) return true;
  run.worker.thaw();
  return false;
}
