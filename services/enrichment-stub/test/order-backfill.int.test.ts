import { join } from 'node:path';
import { createProxy, eventually, startProcess } from '@orderflow/testing';
import { expect, test } from 'vitest';
import { crashPoints } from '../src/crash-points.ts';
import { fakeOrders, type ListedOrder } from './fake-orders.ts';
import { accepted, orderTopic } from './order-events.ts';
import { isReady, openDatabase, runStub, testConfig, testEnv } from './running-stub.ts';

const main = join(import.meta.dirname, '../src/main.ts');

/** 220 orders of c-1 and c-2 in every state, 180 of them accepted at some time; five pages. */
const earlier: readonly ListedOrder[] = Array.from({ length: 20 }, (_, n) =>
  (
    [
      ['PENDING', false],
      ['REJECTED', false],
      ['CANCELLED', false],
      ...(['ACCEPTED', 'RESERVED', 'CONFIRMED', 'COMPLETED', 'COMPLETED', 'CANCELLING'] as const).map(
        (state) => [state, true] as const,
      ),
      ['CANCELLED', true],
      ['CANCELLED', true],
    ] as const
  ).map(([state, isAccepted], m) => ({
    orderId: `o-${n}-${m}`,
    customerId: n % 4 === 0 ? 'c-2' : 'c-1',
    ...{ state, accepted: isAccepted },
  })),
).flat();

/** What was counted, by customer. */
const allCounted = { 'c-1': 15n * 8n, 'c-2': 5n * 8n };

async function countsOf(stub: Awaited<ReturnType<typeof runStub>>) {
  const count = async (customerId: string) =>
    (await stub.customers.getCustomer({ customerId })).customer?.orderCount;
  return { 'c-1': await count('c-1'), 'c-2': await count('c-2') };
}

async function isDone(database: Awaited<ReturnType<typeof openDatabase>>): Promise<boolean> {
  const [row] = await database.query<{ done: boolean }>('select done from order_backfill');
  return row?.done === true;
}

test('earlier orders are counted once, those that were accepted; orders of the topic are not counted again', async () => {
  await using orders = await fakeOrders(earlier);
  const config = testConfig({ ...testEnv(), ORDER_API_URL: orders.url });
  const stub = await runStub(config);
  await using topic = await orderTopic(config);
  // Still on the topic: the backfill finds them, too.
  const listed = earlier.find((order) => order.accepted && order.customerId === 'c-2');
  await topic.send(accepted(listed?.orderId ?? '', 'c-2'), accepted('o-new', 'c-1'));
  const expected = { ...allCounted, 'c-1': allCounted['c-1'] + 1n };
  await eventually(async () => expect(await countsOf(stub)).toEqual(expected));
  await using database = await openDatabase(config);
  await eventually(async () => expect(await isDone(database)).toBe(true));
  expect(orders.tokens).toEqual(['', '50a', '100a', '150a', '200a']);
  await stub.stop();

  const again = await runStub(config);
  await topic.send(accepted('o-newer', 'c-2'));
  const later = { ...expected, 'c-2': expected['c-2'] + 1n };
  await eventually(async () => expect(await countsOf(again)).toEqual(later));
  expect(orders.tokens).toHaveLength(5);
  await again.stop();
});

test('while the order API is unavailable the service is ready and counts new orders; then the earlier ones', async () => {
  await using orders = await fakeOrders(earlier);
  await using proxy = await createProxy({ target: orders.port });
  await proxy.refuse();
  const config = testConfig({ ...testEnv(), ORDER_API_URL: `http://127.0.0.1:${proxy.port}` });
  const stub = await runStub(config);
  expect(await isReady(stub)).toBe(true);
  await using topic = await orderTopic(config);
  await topic.send(accepted('o-new', 'c-1'));
  await eventually(async () => expect(await countsOf(stub)).toEqual({ 'c-1': 1n, 'c-2': 0n }));
  expect(orders.tokens).toEqual([]);
  await proxy.heal();
  const expected = { ...allCounted, 'c-1': allCounted['c-1'] + 1n };
  await eventually(async () => expect(await countsOf(stub)).toEqual(expected), { timeoutMs: 60_000 });
  await stub.stop();
});

test('killed after a page, it resumes with the next one, and begins again if its token is not valid any more', async () => {
  await using orders = await fakeOrders(earlier);
  const env = { ...testEnv(), ORDER_API_URL: orders.url };
  const killedAt = async (n: number) => {
    const CRASH_AT = `${crashPoints.backfilled}#${n}`;
    await using victim = startProcess({
      command: process.execPath,
      args: [main],
      env: { ...env, ORDERFLOW_TEST: '1', CRASH_AT },
    });
    expect(await victim.exited).toMatchObject({ signal: 'SIGKILL' });
    expect(victim.output()).toContain(`crash point ${CRASH_AT}`);
  };
  await killedAt(2);
  expect(orders.tokens.splice(0)).toEqual(['', '50a']);
  await killedAt(1);
  expect(orders.tokens.splice(0)).toEqual(['100a']);

  // The order service was upgraded meanwhile, and has other tokens.
  orders.state.suffix = 'b';
  const config = testConfig(env);
  const [stub, other] = await Promise.all([runStub(config), runStub(config)]);
  await using database = await openDatabase(config);
  await eventually(async () => expect(await isDone(database)).toBe(true));
  expect(new Set(orders.tokens)).toEqual(new Set(['150a', '', '50b', '100b', '150b', '200b']));
  expect(await countsOf(stub)).toEqual(allCounted);
  await Promise.all([stub.stop(), other.stop()]);
}, 60_000);
