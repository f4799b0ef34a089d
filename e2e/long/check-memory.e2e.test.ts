import { recordOf } from '@orderflow/local/orders';
import { eventually, startProcess } from '@orderflow/testing';
import { expect, test } from 'vitest';
import { decidedCount } from '../src/test-system.ts';
import { startWhole } from '../src/whole.ts';

const count = 20_000;

test('orders check needs no more memory for 20,000 orders than for a few', async () => {
  await using whole = await startWhole('check-memory', { SLICE_SIZE: '500' });
  for (let start = 0; start < count; start += 500) {
    await whole.stores.send(
      Array.from({ length: 500 }, (_, index) => {
        const lines = [{ productId: `p-${1 + (index % 40)}`, quantity: 1 }];
        // Most are rejected, which takes the worker alone.
        const customerId = index % 100 === 0 ? 'c-1' : 'c-50';
        return recordOf({ orderId: `many-${start + index}`, customerId, lines }, 'plain_json');
      }),
    );
  }
  await eventually(async () => (await decidedCount(whole.stores)) === count, {
    timeoutMs: 300_000,
    intervalMs: 500,
  });
  const check = startProcess({
    command: process.execPath,
    args: ['../cli/src/main.ts', 'check', '--wait', '300'],
    // It would end with "heap out of memory".
    env: { ...whole.env, NODE_OPTIONS: '--max-old-space-size=96 --max-semi-space-size=8' },
  });
  expect(await check.exited, check.output()).toEqual({ code: 0, signal: null });
  expect(check.output()).toContain('✓ every document in MongoDB matches the decision in Postgres (20000)');
});
