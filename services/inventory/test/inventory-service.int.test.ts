import { Code, ConnectError } from '@connectrpc/connect';
import { BadRequestSchema } from '@orderflow/contracts/google/rpc/error_details';
import { errorInfo, pageTokens, textKey } from '@orderflow/rpc';
import { createProxy, eventually, refusedChanges, testStack, uniqueName } from '@orderflow/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { postgresReservationTransactions } from '../src/outbound/postgres/reservation-transaction.ts';
import { createHandleOrderEvents } from '../src/use-cases/handle-order-events.ts';
import { accepted, confirmed, now, traced } from './kit.ts';
import { openDatabase, runInventory, testConfig, testEnv } from './running-inventory.ts';

const config = testConfig();
let inventory: Awaited<ReturnType<typeof runInventory>>;
let database: Awaited<ReturnType<typeof openDatabase>>;
let client: (typeof inventory)['client'];

beforeAll(async () => {
  inventory = await runInventory(config);
  database = await openDatabase(config);
  client = inventory.client;
});

afterAll(async () => {
  await inventory.stop();
  await database[Symbol.asyncDispose]();
});

const reason = 'counted';

/** The error that a call ends with. */
async function errorOf(call: Promise<unknown>): Promise<ConnectError> {
  const error = await call.then(
    () => expect.unreachable('the call should have failed'),
    (thrown: unknown) => thrown,
  );
  return ConnectError.from(error);
}

/** Reserves so many pieces for a new order; returns its id. */
async function reserve(productId: string, quantity: number): Promise<string> {
  const orderId = uniqueName('o');
  const inTransaction = postgresReservationTransactions(database);
  const handle = createHandleOrderEvents({ inTransaction, now: () => now });
  const [decision] = await handle([traced(accepted(orderId, { [productId]: quantity }))]);
  expect(decision).toMatchObject({ kind: 'applied', reservation: { state: 'RESERVED' } });
  return orderId;
}

test('products are stocked from the start; one that never was has nothing', async () => {
  const productIds = ['p-1', 'p-2', 'p-3', 'p-4', 'p-5', 'p-6', 'p-2000', 'p-2001'];
  const { stock } = await client.batchGetStock({ productIds });
  expect(stock.map(({ productId, onHand }) => [productId, onHand])).toEqual(
    productIds.map((id, index) => [id, [15n, 50n, 25n, 30n, 20n, 1000n, 1000n, 0n][index]]),
  );
  expect((await client.getStock({ productId: 'p-2001' })).stock).toMatchObject({
    available: 0n,
    reserved: 0n,
  });
  expect((await client.getStock({ productId: 'p-2001' })).stock?.updateTime).toBeUndefined();
  expect((await client.getStock({ productId: 'p-1' })).stock?.updateTime).toBeDefined();
});

test('every change by hand is kept with who made it and why, newest first', async () => {
  const headers = { 'x-caller-id': 'warehouse-7' };
  const set = await client.setStock({ productId: 'p-20', onHand: 7n, reason }, { headers });
  expect(set.stock).toMatchObject({ onHand: 7n, available: 7n });
  const adjusted = await client.adjustStock({ productId: 'p-20', delta: -2n, reason: 'broken' });
  expect(adjusted.stock).toMatchObject({ productId: 'p-20', onHand: 5n });

  const { adjustments } = await client.listStockAdjustments({ productId: 'p-20' });
  expect(adjustments).toMatchObject([
    { delta: -2n, onHand: 5n, reason: 'broken', callerId: 'anonymous' },
    { delta: -993n, onHand: 7n, reason, callerId: 'warehouse-7' },
    { delta: 1000n, onHand: 1000n, reason: 'stocked from the start', callerId: 'inventory' },
  ]);
  expect(adjustments[0]?.createTime).toEqual(adjusted.stock?.updateTime);
});

test('adjustments are read by pages, each of its own product', async () => {
  for (let count = 1; count <= 4; count += 1) {
    await client.adjustStock({ productId: 'p-21', delta: BigInt(count), reason });
  }
  const deltas: bigint[] = [];
  let pageToken = '';
  do {
    const page = await client.listStockAdjustments({ productId: 'p-21', pageSize: 2, pageToken });
    expect(page.adjustments.length).toBeLessThanOrEqual(2);
    deltas.push(...page.adjustments.map(({ delta }) => delta));
    if (deltas.length === 2) {
      const other = client.listStockAdjustments({ productId: 'p-22', pageToken: page.nextPageToken });
      expect(errorInfo(await errorOf(other))?.reason).toBe('PAGE_TOKEN_INVALID');
    }
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  expect(deltas).toEqual([4n, 3n, 2n, 1n, 1000n]);
});

test('page tokens that hold what no list has written are refused', async () => {
  const made = (list: string, key: string) => pageTokens<[string]>(list, textKey).encode([key]);
  const adjustments = (pageToken: string) => client.listStockAdjustments({ productId: 'p-21', pageToken });
  const calls = [
    client.listStock({ pageToken: made('stock', '\0') }),
    adjustments(made('adjustments of p-21', 'one')),
    adjustments(made('adjustments of p-21', '-1')),
  ];
  for (const call of calls) expect(errorInfo(await errorOf(call))?.reason).toBe('PAGE_TOKEN_INVALID');
});

/** Sets stock over REST. */
async function put(productId: string, body: object) {
  const response = await fetch(`${inventory.baseUrl}/inventory/${productId}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', 'x-caller-id': 'shop' },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

test('what can be ordered is set beside what is reserved, without a reason, too', async () => {
  await reserve('p-30', 4);
  expect(await put('p-30', { quantity_available: 10 })).toMatchObject({
    status: 200,
    body: { productId: 'p-30', onHand: 14, reserved: 4, available: 10 },
  });
  expect(await put('p-30', { quantity_available: 0 })).toMatchObject({ body: { onHand: 4, available: 0 } });
  const { adjustments } = await client.listStockAdjustments({ productId: 'p-30' });
  expect(adjustments).toMatchObject([
    { delta: -10n, onHand: 4n, reason: 'SetStock, without a reason', callerId: 'shop' },
    { delta: -986n, onHand: 14n },
    { reason: 'stocked from the start' },
  ]);
  expect(await put('p-30', { quantity_available: 1, on_hand: 5 })).toMatchObject({
    status: 400,
    body: { violations: [{ reason: 'set_stock.one_quantity' }] },
  });
  // A client of the contract before leaves out 0, and always has a reason.
  await client.setStock({ productId: 'p-31', reason });
  expect((await client.getStock({ productId: 'p-31' })).stock?.onHand).toBe(0n);
});

test('what can be ordered is exact, whatever is reserved at the same time', async () => {
  const calls = Array.from({ length: 40 }, (_, n) =>
    n % 2 === 0 ? reserve('p-32', 1) : client.setStock({ productId: 'p-32', quantityAvailable: 100n }),
  );
  const set = (await Promise.all(calls)).flatMap((result) => (typeof result === 'string' ? [] : [result]));
  for (const { stock } of set) expect(stock).toMatchObject({ available: 100n });
  const { stock } = await client.getStock({ productId: 'p-32' });
  expect(stock?.reserved).toBe(20n);
  // Each was set while some of the orders had reserved, and the others reserve of it.
  const { adjustments } = await client.listStockAdjustments({ productId: 'p-32' });
  expect(adjustments).toHaveLength(21);
  expect(adjustments[0]?.onHand).toBe(stock?.onHand);
  expect(adjustments.reduce((sum, { delta }) => sum + delta, 0n)).toBe(stock?.onHand);
});

test('a product that was never stocked can be', async () => {
  const { stock } = await client.setStock({ productId: 'x-new', onHand: 3n, reason });
  expect(stock).toMatchObject({ onHand: 3n, reserved: 0n, committed: 0n });
  const taken = client.adjustStock({ productId: 'x-none', delta: -1n, reason });
  expect(errorInfo(await errorOf(taken))?.reason).toBe('STOCK_BELOW_RESERVED');
  expect((await client.getStock({ productId: 'x-none' })).stock?.updateTime).toBeUndefined();
});

test('stock is never set below the reserved quantity; everything else can be removed', async () => {
  await reserve('p-23', 10);
  const set = await errorOf(client.setStock({ productId: 'p-23', onHand: 9n, reason }));
  expect(set.code).toBe(Code.FailedPrecondition);
  expect(errorInfo(set)).toMatchObject({
    reason: 'STOCK_BELOW_RESERVED',
    metadata: { product_id: 'p-23', on_hand: '9', reserved: '10' },
  });
  const adjust = await errorOf(client.adjustStock({ productId: 'p-23', delta: -991n, reason }));
  expect(errorInfo(adjust)?.metadata).toMatchObject({ on_hand: '9', reserved: '10' });
  expect((await client.listStockAdjustments({ productId: 'p-23' })).adjustments).toHaveLength(1);
  const { stock } = await client.adjustStock({ productId: 'p-23', delta: -990n, reason });
  expect(stock).toMatchObject({ onHand: 10n, reserved: 10n, available: 0n });
});

test('the same request id is one change with one response; with other content it is refused', async () => {
  const request = { productId: 'p-24', delta: 5n, reason, requestId: uniqueName('r') };
  const [first, ...others] = await Promise.all(Array.from({ length: 10 }, () => client.adjustStock(request)));
  for (const other of others) expect(other).toEqual(first);
  // The response of that time, whatever the stock is now.
  await client.adjustStock({ productId: 'p-24', delta: 100n, reason });
  expect(await client.adjustStock(request)).toEqual(first);
  expect((await client.getStock({ productId: 'p-24' })).stock?.onHand).toBe(1105n);

  const reused = await errorOf(client.adjustStock({ ...request, delta: 6n }));
  expect([reused.code, errorInfo(reused)?.reason]).toEqual([Code.InvalidArgument, 'REQUEST_ID_REUSED']);
  const setRequest = { productId: 'p-24', onHand: 1n, reason, requestId: request.requestId };
  const set = await client.setStock(setRequest);
  expect(set.stock?.onHand).toBe(1n);
  expect(await client.setStock(setRequest)).toEqual(set);
  expect((await client.listStockAdjustments({ productId: 'p-24' })).adjustments).toHaveLength(4);
});

test('changes at the same time, by hand and by orders, all count', async () => {
  const adjust = () => client.adjustStock({ productId: 'p-25', delta: 1n, reason });
  await Promise.all(Array.from({ length: 20 }, (_, index) => (index % 2 ? adjust() : reserve('p-25', 1))));
  expect((await client.getStock({ productId: 'p-25' })).stock).toMatchObject({
    onHand: 1010n,
    reserved: 10n,
  });
});

test('stock is listed in the order of ids, also only what runs low', async () => {
  const ids = async (request: Parameters<typeof client.listStock>[0]) => {
    const page = await client.listStock(request);
    return { ids: page.stock.map(({ productId }) => productId), token: page.nextPageToken };
  };
  const first = await ids({ pageSize: 3 });
  expect(first.ids).toEqual(['p-1', 'p-10', 'p-100']);
  expect((await ids({ pageSize: 3, pageToken: first.token })).ids).toEqual(['p-1000', 'p-1001', 'p-1002']);

  await client.setStock({ productId: 'p-26', onHand: 40n, reason });
  await reserve('p-26', 36);
  await client.setStock({ productId: 'p-27', onHand: 5n, reason });
  await client.setStock({ productId: 'p-28', onHand: 4n, reason });
  const low = await ids({ availableAtMost: 4n, pageSize: 1000 });
  expect(low.ids).toEqual(expect.arrayContaining(['p-26', 'p-28']));
  for (const id of ['p-1', 'p-27']) expect(low.ids).not.toContain(id);
  expect(low.token).toBe('');

  const paged: string[] = [];
  let token = '';
  do {
    const page = await ids({ availableAtMost: 4n, pageSize: 1, pageToken: token });
    paged.push(...page.ids);
    token = page.token;
  } while (token !== '');
  expect(paged).toEqual(low.ids);
  const other = await errorOf(client.listStock({ availableAtMost: 5n, pageToken: first.token }));
  expect(errorInfo(other)?.reason).toBe('PAGE_TOKEN_INVALID');
});

test('a reservation that was never requested is not found', async () => {
  const error = await errorOf(client.getReservation({ orderId: 'o-none' }));
  expect([error.code, errorInfo(error)]).toMatchObject([
    Code.NotFound,
    { reason: 'RESERVATION_NOT_FOUND', metadata: { order_id: 'o-none' } },
  ]);
});

test('everything that is wrong with a request is said at once', async () => {
  const error = await errorOf(client.adjustStock({ productId: 'no spaces', delta: 0n, reason: '' }));
  expect(errorInfo(error)?.reason).toBe('INVALID_REQUEST');
  const [details] = error.findDetails(BadRequestSchema);
  expect(details?.fieldViolations.map(({ field }) => field)).toEqual(['product_id', 'delta', 'reason']);
});

test('what was there at first and every change add up to what is there and what has left', async () => {
  const orderId = await reserve('p-29', 3);
  const inTransaction = postgresReservationTransactions(database);
  await createHandleOrderEvents({ inTransaction, now: () => now })([traced(confirmed(orderId))]);
  await client.adjustStock({ productId: 'p-29', delta: -7n, reason });
  const rows = await database.query<{
    product_id: string;
    changed: string;
    there: string;
  }>(`select product_id, sum(delta) as changed, min(stock.on_hand + committed) as there
     from stock left join stock_adjustment using (product_id) group by product_id`);
  expect(rows.length).toBeGreaterThanOrEqual(2000);
  for (const { product_id, changed, there } of rows) expect(changed, product_id).toBe(there);
  expect(rows.find(({ product_id }) => product_id === 'p-29')?.there).toBe('993');
});

test('Postgres refuses to change what says who changed the stock; more rows can be added', async () => {
  const adjustments = () => database.query('select * from stock_adjustment order by id');
  const before = await adjustments();
  expect(await refusedChanges(database, 'stock_adjustment', 'delta')).toEqual([
    expect.stringMatching(/^table stock_adjustment is append-only: /),
  ]);
  expect(await adjustments()).toEqual(before);
  await client.adjustStock({ productId: 'p-30', delta: 5n, reason });
  await client.adjustStock({ productId: 'p-30', delta: -5n, reason: 'the five were those of p-31' });
  expect(await adjustments()).toHaveLength(before.length + 2);
});

test('the migrations make the tables that the entities describe', async () => {
  expect(await database.orm.schema.getUpdateSchemaSQL()).toBe('');
});

test('without Postgres it is not ready and calls are UNAVAILABLE, until Postgres is back', async () => {
  const url = new URL(testStack().urls.POSTGRES_URL);
  await using proxy = await createProxy({ target: Number(url.port) });
  url.hostname = '127.0.0.1';
  url.port = String(proxy.port);
  const cut = await runInventory(testConfig({ ...testEnv(), POSTGRES_URL: url.href.replace(/\/$/, '') }));
  const isReady = async () => (await fetch(`${cut.baseUrl}/health/ready`)).ok;
  await eventually(isReady);

  await proxy.refuse();
  for (const call of [
    cut.client.getStock({ productId: 'p-1' }),
    cut.client.setStock({ productId: 'p-1', onHand: 1n, reason }),
  ]) {
    const error = await errorOf(call);
    expect([error.code, errorInfo(error)?.reason]).toEqual([Code.Unavailable, 'DEPENDENCY_UNAVAILABLE']);
  }
  await eventually(async () => !(await isReady()));

  await proxy.heal();
  await eventually(isReady);
  expect((await cut.client.getStock({ productId: 'p-1' })).stock?.onHand).toBe(15n);
  await cut.stop();
});
