import { readFile } from 'node:fs/promises';
import { Order_State } from '@orderflow/contracts/orderflow/order/v1/order';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readSubmission } from '../src/codec/read-submission.ts';
import { as, runApi } from './running-api.ts';

let api: Awaited<ReturnType<typeof runApi>>;
beforeAll(async () => {
  api = await runApi({}, ['api'], { checkLimitMs: 10_000 });
});
afterAll(() => api?.[Symbol.asyncDispose]());

async function rest(method: string, path: string, headers: Record<string, string> = {}, json?: object) {
  const response = await fetch(`${api.baseUrl}${path}`, {
    method,
    headers: { ...(json && { 'content-type': 'application/json' }), ...headers },
    ...(json && { body: JSON.stringify(json) }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const post = (json: object, headers: Record<string, string> = {}) =>
  rest('POST', '/api/v1/orders', { 'x-caller-id': 'shop', ...headers }, json);

test('docs/openapi.json is what the order API serves, its adapters and the paths of other services too', async () => {
  const file = await readFile(new URL('../../../docs/openapi.json', import.meta.url), 'utf8');
  expect((await rest('GET', '/openapi.json')).body).toEqual(JSON.parse(file));
});

test('an order, its status, its history and the list say the same as over RPC', async () => {
  await api.place('o-1');
  const { order } = await api.orders.getOrder({ orderId: 'o-1' });
  expect(order?.state).toBe(Order_State.PENDING);
  const read = await rest('GET', '/orders/o-1');
  expect(read).toMatchObject({
    status: 200,
    body: { orderId: 'o-1', customerId: 'c-1', state: 'PENDING', lines: [{ productId: 'p-1', quantity: 1 }] },
  });
  const status = await api.orders.getOrderStatus({ orderId: 'o-1' });
  expect(status).toMatchObject({
    orderId: 'o-1',
    status: Order_State.PENDING,
    updateTime: order?.updateTime,
  });
  expect(await rest('GET', '/api/v1/orders/o-1/status')).toEqual({
    status: 200,
    body: { orderId: 'o-1', status: 'PENDING', updateTime: read.body['updateTime'] },
  });
  expect(await rest('GET', '/orders/o-1/history')).toMatchObject({
    status: 200,
    body: { transitions: [{ revision: 1, state: 'PENDING' }] },
  });
  const listed = await rest('GET', '/orders?customer_id=c-1&state=PENDING&page_size=1000');
  expect(listed.body['orders']).toContainEqual(expect.objectContaining({ orderId: 'o-1', state: 'PENDING' }));
});

test('an order that does not exist is 404, and one that is paid cannot be cancelled: 409', async () => {
  for (const path of ['', '/status', '/history']) {
    expect(await rest('GET', `/orders/nobody${path}`)).toMatchObject({
      status: 404,
      body: { error: 'order_not_found', code: 'not_found' },
    });
  }
  await api.place('paid');
  await api.query("update orders set state = 'CONFIRMED' where id = 'paid'");
  expect(await rest('DELETE', '/orders/paid')).toMatchObject({
    status: 409,
    body: { error: 'order_not_cancellable', metadata: { state: 'CONFIRMED' } },
  });
  expect(await rest('GET', '/orders?page_token=made-up')).toMatchObject({
    status: 400,
    body: { error: 'page_token_invalid' },
  });
});

describe('POST /orders', () => {
  const items = [{ sku: 'LAPTOP001', name: 'Laptop', price: 999.99 }];

  test('stores an order of a plain shape, which is 202 and pending, and shows it as GET does', async () => {
    const json = {
      order_id: 'ORD-1',
      customer: { user_id: 'c-1', email: 'a@example.com' },
      items: [...items, { product_id: 'p-2', quantity: 2 }, { product_id: 'p-2' }],
    };
    const { status, body } = await post(json);
    expect({ status, body }).toMatchObject({
      status: 202,
      body: { orderId: 'ORD-1', status: 'PENDING', order: { customerId: 'c-1', version: 0 } },
    });
    expect(body['order']).toEqual((await rest('GET', '/orders/ORD-1')).body);
    const { submission } = await submissionOf('ORD-1');
    expect(submission).toEqual({
      orderId: 'ORD-1',
      customerId: 'c-1',
      lines: [
        {
          reference: { by: 'sku', value: 'LAPTOP001' },
          quantity: 1,
          quotedPrice: { amount: 99_999n, currency: undefined },
        },
        { reference: { by: 'product_id', value: 'p-2' }, quantity: 2, quotedPrice: undefined },
        { reference: { by: 'product_id', value: 'p-2' }, quantity: 1, quotedPrice: undefined },
      ],
    });
  });

  test('repeats an order: by its key, by its id, and over RPC; another content is a conflict', async () => {
    const json = { customer_id: 'c-1', items };
    const first = await post(json, { 'idempotency-key': 'key-1' });
    expect(first.status).toBe(202);
    expect(await post(json, { 'idempotency-key': 'key-1' })).toEqual(first);
    const { orderId } = first.body as { orderId: string };
    const lines = [{ reference: { case: 'sku' as const, value: 'LAPTOP001' }, quantity: 1n }];
    const again = await api.orders.createOrder({ orderId, customerId: 'c-1', lines }, as('shop'));
    expect(again.order?.orderId).toBe(orderId);
    expect(await post({ ...json, order_id: orderId })).toMatchObject({ status: 202, body: { orderId } });

    expect(await post({ ...json, customer_id: 'c-2' }, { 'idempotency-key': 'key-1' })).toMatchObject({
      status: 422,
      body: { error: 'request_id_reused' },
    });
    expect(await post({ ...json, order_id: orderId, customer_id: 'c-2' })).toMatchObject({
      status: 409,
      body: { error: 'order_already_exists' },
    });
  });

  test('prices an order with validate_only, and stores nothing', async () => {
    const json = { order_id: 'quoted', customer_id: 'c-1', items, validate_only: true };
    expect(await post(json)).toMatchObject({
      status: 200,
      body: {
        orderId: 'quoted',
        status: 'ACCEPTED',
        order: { total: { currencyCode: 'USD' }, lines: [{ productId: 'p-1' }] },
      },
    });
    expect(await rest('GET', '/orders/quoted')).toMatchObject({ status: 404 });
  });

  test.for([
    ['insufficient_inventory', { items: [{ sku: 'LAPTOP001', quantity: 100 }] }, 'items[0].quantity'],
    [
      'product_not_found',
      { products: [{ productId: 'p-1' }, { productId: 'none' }] },
      'products[1].productId',
    ],
    ['product_retired', { lines: [{ productId: 'p-retired', quantity: 1 }] }, 'lines[0].productId'],
    ['customer_not_found', { customer: { user_id: 'none' }, items }, 'customer.user_id'],
    ['customer_inactive', { customerId: 'c-inactive', items }, 'customerId'],
    [
      'quoted_price_invalid',
      { items: [{ sku: 'LAPTOP001', price: { currencyCode: 'EUR', amount: 1 } }] },
      'items[0].price',
    ],
  ] as const)('refuses an order: %s', async ([error, json, field]) => {
    const customer = 'customer' in json || 'customerId' in json ? {} : { customer_id: 'c-1' };
    expect(await post({ order_id: error, ...customer, ...json })).toMatchObject({
      status: 422,
      body: { error, code: 'failed_precondition', violations: [{ field }] },
    });
    expect(await rest('GET', `/orders/${error}`)).toMatchObject({ status: 404 });
  });

  test('refuses an order for several reasons, all of them', async () => {
    const json = { customer_id: 'none', items: [{ sku: 'LAPTOP001', quantity: 100 }, { sku: 'none' }] };
    const { status, body } = await post(json);
    expect({ status, body }).toMatchObject({ status: 422, body: { error: 'order_refused' } });
    expect((body['violations'] as { reason: string }[]).map(({ reason }) => reason).sort()).toEqual([
      'customer_not_found',
      'out_of_stock',
      'product_not_found',
    ]);
  });

  /** The submission of a stored order, as the worker will read it. */
  async function submissionOf(orderId: string) {
    const [row] = await api.query<{ value: Buffer }>('select value from outbox where key = $1', orderId);
    const read = readSubmission({ value: row?.value ?? null, headers: {} });
    return read.ok ? read : expect.fail(read.detail);
  }
});

test('a repeated cancel is one, also over RPC: the key is the request id of its caller', async () => {
  await api.place('twice');
  const headers = { 'idempotency-key': 'k-1', 'x-caller-id': 'shop' };
  const first = await rest('DELETE', '/orders/twice?reason=late', headers);
  expect(first).toMatchObject({ status: 200, body: { state: 'CANCELLED', cancelDetail: 'late' } });
  await api.query("update orders set cancel_detail = 'something else' where id = 'twice'");
  expect(await rest('DELETE', '/orders/twice?reason=late', headers)).toEqual(first);
  const request = { orderId: 'twice', reason: 'late', requestId: 'k-1' };
  expect((await api.orders.cancelOrder(request, as('shop'))).order?.cancelDetail).toBe('late');
  // Another caller's key is another one.
  expect((await api.orders.cancelOrder(request, as('other'))).order?.cancelDetail).toBe('something else');
  expect(await rest('DELETE', '/orders/twice?reason=other', headers)).toMatchObject({
    status: 422,
    body: { error: 'request_id_reused' },
  });
});
