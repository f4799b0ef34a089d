import { join } from 'node:path';
import { Reservation_State } from '@orderflow/contracts/orderflow/inventory/v1/reservation';
import { eventually, startProcess } from '@orderflow/testing';
import { expect, test } from 'vitest';
import { crashPoints } from '../src/inbound/crash-points.ts';
import { accepted, cancelRequested, confirmed } from './kit.ts';
import { openDatabase, runInventory, talkTo, testConfig, testEnv } from './running-inventory.ts';

const main = join(import.meta.dirname, '../src/main.ts');

/** The service as a process of its own that kills itself when it passes this point for the first time. */
function doomed(env: Record<string, string>, point: string) {
  return startProcess({
    command: process.execPath,
    args: [main],
    env: { ...env, ORDERFLOW_TEST: '1', CRASH_AT: `${point}#1` },
  });
}

test('two instances and 200 orders for 50 pieces: exactly 50 are reserved', async () => {
  const config = testConfig();
  const instances = await Promise.all([runInventory(config), runInventory(config)]);
  await using kafka = await talkTo(config);
  const orders = Array.from({ length: 200 }, (_, index) => `o-${index + 1}`);
  await Promise.all(orders.map((orderId) => kafka.send(accepted(orderId, { 'p-2': 1 }))));
  await eventually(() => expect(kafka.replies()).toHaveLength(200), { timeoutMs: 30_000 });

  const published = Map.groupBy(kafka.replies(), ({ headers }) => headers['ce_id']?.split('/')[1]);
  expect(published.get('InventoryReserved')).toHaveLength(50);
  expect(published.get('InventoryUnavailable')).toHaveLength(150);
  const { stock } = await instances[0].client.getStock({ productId: 'p-2' });
  expect(stock).toMatchObject({ onHand: 50n, reserved: 50n, available: 0n, committed: 0n });
  await Promise.all(instances.map((instance) => instance.stop()));
});

const { stockChanged, ...batchCrashPoints } = crashPoints;

// Side by side: most of it is waiting for the session of the one killed.
test.concurrent.each(Object.values(batchCrashPoints))(
  'killed at %s, the batch comes again and changes nothing',
  async (point) => {
    const env = testEnv();
    // The topics and the database must be there before the process that is to die.
    const first = await runInventory(testConfig(env));
    await using kafka = await talkTo(testConfig(env));
    await first.stop();
    await kafka.send(
      accepted('o-1', { 'p-6': 1 }),
      accepted('o-2', { 'p-6': 2 }),
      accepted('o-3', { 'p-6': 4, 'p-unknown': 1 }),
      accepted('o-4', { 'p-6': 8 }),
    );
    await kafka.send(confirmed('o-2'), cancelRequested('o-3'), cancelRequested('o-4'));

    await using victim = doomed(env, point);
    expect(await victim.exited).toMatchObject({ signal: 'SIGKILL' });
    expect(victim.output()).toContain(`crash point ${point}#1`);

    const successor = await runInventory(testConfig(env));
    const expected = [
      'o-1/InventoryReserved',
      ...['o-2/InventoryCommitted', 'o-2/InventoryReserved'],
      ...['o-3/InventoryReleased', 'o-3/InventoryUnavailable'],
      ...['o-4/InventoryReleased', 'o-4/InventoryReserved'],
    ];
    const ids = () => new Set(kafka.replies().map(({ headers }) => headers['ce_id']));
    await eventually(() => expect([...ids()].sort()).toEqual(expected), { timeoutMs: 30_000 });
    expect((await successor.client.getStock({ productId: 'p-6' })).stock).toMatchObject({
      onHand: 998n,
      reserved: 1n,
      committed: 2n,
    });
    const states = await Promise.all(
      ['o-1', 'o-2', 'o-3', 'o-4'].map(
        async (orderId) => (await successor.client.getReservation({ orderId })).reservation?.state,
      ),
    );
    const { RESERVED, COMMITTED, RELEASED } = Reservation_State;
    expect(states).toEqual([RESERVED, COMMITTED, RELEASED, RELEASED]);
    await successor.stop();
  },
  60_000,
);

test('killed before it could respond, a repeated change of stock gets its response and is made once', async () => {
  const env = { ...testEnv(), PORT: '0' };
  const config = testConfig(env);
  const first = await runInventory(config);
  const port = new URL(first.baseUrl).port;
  await first.stop();
  await using victim = doomed({ ...env, PORT: port }, stockChanged);
  await eventually(async () => (await fetch(`${first.baseUrl}/health/live`)).ok, { timeoutMs: 30_000 });
  const call = () =>
    fetch(`${first.baseUrl}/orderflow.inventory.v1.InventoryService/AdjustStock`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ productId: 'p-6', delta: '5', reason: 'found some', requestId: 'r-1' }),
    });
  await expect(call()).rejects.toThrow();
  expect(await victim.exited).toMatchObject({ signal: 'SIGKILL' });

  const successor = await runInventory(testConfig({ ...env, PORT: port }));
  expect(await (await call()).json()).toMatchObject({ stock: { productId: 'p-6', onHand: '1005' } });
  expect((await successor.client.listStockAdjustments({ productId: 'p-6' })).adjustments).toHaveLength(2);
  await successor.stop();

  await using database = await openDatabase(config);
  const wrong = await database.query(`select product_id from stock join stock_adjustment using (product_id)
     group by product_id having sum(delta) <> min(stock.on_hand + committed)`);
  expect(wrong).toEqual([]);
}, 60_000);
