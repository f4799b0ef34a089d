import { setTimeout as sleep } from 'node:timers/promises';
import { isSettled } from '@orderflow/local/audit';
import { eventually, privateStack } from '@orderflow/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Run, startRun } from '../src/grid.ts';
import { decidedCount } from '../src/test-system.ts';

let own: Awaited<ReturnType<typeof privateStack>>;
let run: Run;

beforeAll(async () => {
  own = await privateStack({ parts: ['kafka', 'mongo', 'postgres', 'redis'] });
  run = await startRun('faults-stores', { ...own.urls });
});
afterAll(async () => {
  await run?.[Symbol.asyncDispose]();
  await own?.[Symbol.asyncDispose]();
});

/** Longer than one try of everything, so that whatever wants to give up does. */
const outageMs = 3_000;

test.for(['mongo', 'postgres', 'kafka'] as const)(
  '%s killed in the middle of a batch loses and doubles nothing',
  async (name) => {
    const part = own.parts[name];
    const before = await decidedCount(run.stores);
    await run.send(run.make(`killed-${name}`, 1_000));
    await eventually(async () => (await decidedCount(run.stores)) > before + 100, { intervalMs: 5 });
    await part.kill();
    await sleep(outageMs);
    await part.start();
    // Else it was killed after the work was done.
    expect(await eventually(() => isSettledOrNot(), { timeoutMs: 30_000 })).toBe('not yet');
    await run.settle();
  },
);

async function isSettledOrNot(): Promise<'settled' | 'not yet'> {
  return (await isSettled(run.stores, run.sent)) ? 'settled' : 'not yet';
}
