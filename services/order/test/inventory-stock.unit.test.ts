import { Code, ConnectError, createClient, createRouterTransport } from '@connectrpc/connect';
import { InventoryService } from '@orderflow/contracts/orderflow/inventory/v1/inventory_service';
import { expect, test } from 'vitest';
import { createInventoryStock } from '../src/outbound/inventory/inventory-stock.ts';

/** An inventory that has 7 of everything, and responds to one call at a time, on demand. */
function inventory() {
  const calls: { ids: string[]; response: () => void; fail: () => void }[] = [];
  const errors: unknown[] = [];
  const transport = createRouterTransport(({ service }) =>
    service(InventoryService, {
      async batchGetStock({ productIds }) {
        const { promise, resolve, reject } = Promise.withResolvers<void>();
        const fail = () => reject(new ConnectError('down', Code.Unavailable));
        calls.push({ ids: productIds, response: resolve, fail });
        await promise;
        return { stock: productIds.map((productId) => ({ productId, available: 7n })) };
      },
    }),
  );
  const stock = createInventoryStock(createClient(InventoryService, transport), (error) =>
    errors.push(error),
  );
  return { calls, errors, stock };
}

const callCount = (calls: readonly unknown[], count: number) =>
  expect.poll(() => calls.length, { interval: 1 }).toBe(count);

test('products requested during a call are coalesced into the next one', async () => {
  const { calls, stock } = inventory();
  const first = stock.available(['p-1']);
  await callCount(calls, 1);
  const others = [stock.available(['p-1', 'p-2']), stock.available(['p-2', 'p-3'])];
  calls[0]?.response();
  expect(await first).toEqual(new Map([['p-1', 7n]]));
  await callCount(calls, 2);
  // Asked for again, though the first call had asked for it: that had begun before the question.
  expect(calls[1]?.ids).toEqual(['p-1', 'p-2', 'p-3']);
  calls[1]?.response();
  for (const response of await Promise.all(others)) expect(response.get('p-2')).toBe(7n);
});

test('a call that does not return delays no other for long', async () => {
  const { calls, stock } = inventory();
  void stock.available(['p-1']);
  await callCount(calls, 1);
  const second = stock.available(['p-2']);
  await callCount(calls, 2);
  calls[1]?.response();
  expect(await second).toEqual(new Map([['p-2', 7n]]));
});

test('a call that fails returns nothing, and the next one may succeed', async () => {
  const { calls, errors, stock } = inventory();
  const failing = stock.available(['p-1']);
  await callCount(calls, 1);
  calls[0]?.fail();
  expect(await failing).toEqual(new Map());
  expect(errors).toHaveLength(1);
  const again = stock.available(['p-1']);
  await callCount(calls, 2);
  calls[1]?.response();
  expect(await again).toEqual(new Map([['p-1', 7n]]));
});

test('no call names more products than inventory takes, one twice, or one that it refuses to hear', async () => {
  const { calls, stock } = inventory();
  const ids = Array.from({ length: 450 }, (_, index) => `p-${index % 401}`);
  const response = stock.available([...ids, 'no such/id', 'x'.repeat(65)]);
  await callCount(calls, 3);
  for (const call of calls) call.response();
  expect(calls.map((call) => call.ids.length)).toEqual([200, 200, 1]);
  expect((await response).size).toBe(401);
  expect(await stock.available(['no such/id'])).toEqual(new Map());
  expect(calls).toHaveLength(3);
});
