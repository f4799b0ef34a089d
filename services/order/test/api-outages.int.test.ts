import { ConnectError } from '@connectrpc/connect';
import { Order_State } from '@orderflow/contracts/orderflow/order/v1/order';
import { errorReason } from '@orderflow/rpc';
import { createProxy, eventually, testStack } from '@orderflow/testing';
import { expect, test } from 'vitest';
import { nowhere, openPostgres, runApi } from './running-api.ts';

const lines = [{ reference: { case: 'productId' as const, value: 'p-1' }, quantity: 1n }];

const reasonOf = (call: Promise<unknown>) =>
  call.then(
    () => 'none',
    (error: unknown) => errorReason(ConnectError.from(error)),
  );

async function postgresBehindProxy() {
  const url = new URL(testStack().urls.POSTGRES_URL);
  const proxy = await createProxy({ target: Number(url.port) });
  const behindProxy = Object.assign(url, { hostname: '127.0.0.1', port: String(proxy.port) }).href;
  return { behindProxy, proxy };
}

test('orders are taken and read while everything but Postgres is unavailable, and the API says that it is ready', async () => {
  await using api = await runApi({
    KAFKA_BROKERS: nowhere,
    REDIS_URL: `redis://${nowhere}`,
    MONGO_URL: `mongodb://${nowhere}`,
    CUSTOMER_API_URL: `http://${nowhere}`,
    PRODUCT_API_URL: `http://${nowhere}`,
    INVENTORY_URL: `http://${nowhere}`,
  });
  expect((await fetch(`${api.baseUrl}/health/ready`)).status).toBe(200);
  const { order } = await api.orders.createOrder({ orderId: 'alone', customerId: 'c-1', lines });
  expect(order?.state).toBe(Order_State.PENDING);
  expect((await api.orders.getOrder({ orderId: 'alone' })).order).toEqual(order);
  expect((await api.orders.listOrders({})).orders).toMatchObject([{ orderId: 'alone' }]);
  expect(await api.query('select topic from outbox')).toEqual([{ topic: 'orders' }]);
});

test('callers of REST who wait for a service take no place from the calls that orders need', async () => {
  await using api = await runApi({}, ['api'], { checkLimitMs: 2_000 });
  const released = Promise.withResolvers<void>();
  api.inventory.state.responses = released.promise;
  const waiting = Array.from({ length: 64 }, () =>
    fetch(`${api.baseUrl}/inventory:batchGet?product_ids=p-1`),
  );
  // So many at a time.
  await eventually(() => expect(api.inventory.calls).toHaveLength(8));
  api.inventory.state.responses = Promise.resolve();
  const [line] = lines;
  const order = { customerId: 'c-1', lines: [{ ...line, quantity: 16n }] };
  expect(await reasonOf(api.orders.createOrder(order))).toBe('ORDER_REFUSED');
  expect((await fetch(`${api.baseUrl}/payments/none`)).status).toBe(503);
  expect((await fetch(`${api.baseUrl}/health/ready`)).status).toBe(200);
  released.resolve();
  expect(new Set((await Promise.all(waiting)).map(({ status }) => status))).toEqual(new Set([200]));
});

test('while Postgres is unavailable callers get UNAVAILABLE, and the API says that it is not ready', async () => {
  const { behindProxy, proxy } = await postgresBehindProxy();
  await using _ = proxy;
  await using api = await runApi({ POSTGRES_URL: behindProxy });
  const request = { orderId: 'later', customerId: 'c-1', lines, requestId: 'later' };

  await proxy.refuse();
  expect(await reasonOf(api.orders.createOrder(request))).toBe('DEPENDENCY_UNAVAILABLE');
  expect(await reasonOf(api.orders.getOrder({ orderId: 'later' }))).toBe('DEPENDENCY_UNAVAILABLE');
  await eventually(async () => {
    expect((await fetch(`${api.baseUrl}/health/ready`)).status).toBe(503);
  });
  await proxy.heal();
  await eventually(async () => {
    expect(await reasonOf(api.orders.createOrder(request))).toBe('none');
  });
  expect((await fetch(`${api.baseUrl}/health/live`)).status).toBe(200);
});

test('when the reply to a commit is lost, repeating the request returns the order that was created', async () => {
  const { behindProxy, proxy } = await postgresBehindProxy();
  await using _ = proxy;
  await using api = await runApi({ POSTGRES_URL: behindProxy });
  // Commits of orders wait for a lock that this test holds.
  await api.query(`create function wait_for_test() returns trigger language plpgsql as
    $$ begin perform pg_advisory_xact_lock(42); return null; end $$`);
  await api.query(`create constraint trigger hold after insert on orders deferrable initially deferred
    for each row execute function wait_for_test()`);
  await using database = openPostgres(api.database);
  const release = Promise.withResolvers<void>();
  const holding = Promise.withResolvers<void>();
  const holder = database.transaction(async (transaction) => {
    await transaction.query('select pg_advisory_xact_lock(42)');
    holding.resolve();
    await release.promise;
  });
  await holding.promise;

  const request = { customerId: 'c-1', lines, requestId: 'lost reply' };
  const lost = reasonOf(api.orders.createOrder(request));
  await eventually(async () => {
    const waiting = await api.query(
      `select 1 from pg_locks where locktype = 'advisory' and objid = 42 and not granted`,
    );
    expect(waiting).toHaveLength(1);
  });
  proxy.cut();
  expect(await lost).toBe('DEPENDENCY_UNAVAILABLE');
  expect(await api.query('select id from orders')).toEqual([]);
  release.resolve();
  await holder;
  const taken = await eventually(async () => {
    const [row] = await api.query<{ id: string }>('select id from orders');
    return row ?? expect.fail('it is not committed');
  });

  const { order } = await api.orders.createOrder(request);
  expect(order?.orderId).toBe(taken.id);
  expect(await api.query('select key from outbox')).toEqual([{ key: taken.id }]);
});

test('pages of the configured origins may call from a browser, others may not', async () => {
  await using api = await runApi({ CORS_ORIGINS: 'https://shop.example, https://admin.example' });
  const preflight = (origin: string) =>
    fetch(`${api.baseUrl}/orderflow.order.v1.OrderService/CreateOrder`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST' },
    }).then(({ headers }) => headers.get('access-control-allow-origin'));
  expect(await preflight('https://admin.example')).toBe('https://admin.example');
  expect(await preflight('https://evil.example')).toBeNull();
});
