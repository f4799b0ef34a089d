import { isSettled } from '@orderflow/local/audit';
import { readPrices } from '@orderflow/local/catalogue';
import { makeOrders } from '@orderflow/local/orders';
import { sumOf } from '@orderflow/local/system';
import { eventually } from '@orderflow/testing';
import { expect, test } from 'vitest';
import { createTestSystem, decidedCount, expectAllSettled, sendOrders } from '../src/test-system.ts';

test('a worker that is asked to stop under load finishes what it has begun: nothing is delivered again', async () => {
  await using system = await createTestSystem('worker-graceful');
  const { stores, services } = system;
  await services['enrichment-stub'].start();
  await Promise.all([services['order-relay'].start(), services['order-view'].start()]);
  const prices = await readPrices(services['enrichment-stub'].url);
  const orders = makeOrders({ prefix: 'graceful', count: 3_000, prices });
  await sendOrders(stores, orders);

  const worker = services['order-worker'];
  let decided = 0;
  for (let stops = 0; stops < 2; stops += 1) {
    const running = worker.launch();
    await eventually(async () => (await decidedCount(stores)) > decided, {
      timeoutMs: 60_000,
      intervalMs: 5,
    });
    expect(await running.stop()).toEqual({ code: 0, signal: null });
    decided = await decidedCount(stores);
    expect(await isSettled(stores, orders)).toBe(false);
  }

  await worker.start();
  await expectAllSettled(stores, orders);
  const metrics = await worker.metrics();
  expect(sumOf(metrics, 'orderflow_orders_decided_total', { outcome: 'repeated' })).toBe(0);
  expect(sumOf(metrics, 'orderflow_orders_decided_total')).toBe((await decidedCount(stores)) - decided);
});
