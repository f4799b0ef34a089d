import { Order_State } from '@orderflow/contracts/orderflow/order/v1/order';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { as, runApi } from './running-api.ts';

let api: Awaited<ReturnType<typeof runApi>>;
beforeAll(async () => {
  api = await runApi();
});
afterAll(() => api?.[Symbol.asyncDispose]());

async function rest(method: string, path: string, headers: Record<string, string> = {}) {
  const response = await fetch(`${api.baseUrl}${path}`, { method, headers });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

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
