import { Code } from '@connectrpc/connect';
import { Health } from '@orderflow/contracts/grpc/health/v1/health';
import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { expect, test } from 'vitest';
import { errorsOf, type RestAdapter, restAdapter } from '../src/index.ts';
import { send, startRestServer } from './rest-fixture.ts';

const description = { request: {}, responses: {} };
const soldOut = errorsOf({ SOLD_OUT: { code: Code.FailedPrecondition, status: 422, description: '' } });

/** CreateOrder, as REST calls it here: `{"who": …}` is the customer. */
const adapter = restAdapter(OrderService.method.createOrder, {
  readBody: ({ who = '', what, ...others }) => ({
    request: { customerId: who, orderId: what ?? '', lines: [{ sku: 'x', quantity: 1 }] },
    violations: Object.keys(others).map((field) => ({ field, description: 'is unknown', reason: 'test' })),
    nameOf: (field) => (field === 'customer_id' ? 'who' : field),
  }),
  refuse: (violations) =>
    violations.every(({ field }) => field === 'sold') ? soldOut('SOLD_OUT', 'it is sold out') : undefined,
  respond: ({ order }, { customerId }) => {
    if (customerId === 'bug') throw new TypeError('secret text of a bug');
    return { status: 202, headers: { location: `orders/${order?.orderId}` }, body: { for: customerId } };
  },
  description,
});

async function post(json: object, restAdapters: readonly RestAdapter[] = [adapter]) {
  const { port, calls, lines, metrics } = await startRestServer({ restAdapters });
  const headers = { 'content-type': 'application/json', 'idempotency-key': 'k-1' };
  const response = await send(port, { method: 'POST', path: '/orders', headers, body: JSON.stringify(json) });
  return { response, calls, lines, metrics };
}

test('a method is served in the form of its adapter', async () => {
  const { response, calls } = await post({ who: 'c-1', what: 'o-1' });
  expect(response).toMatchObject({
    status: 202,
    headers: { location: 'orders/o-1', 'content-type': 'application/json' },
    body: { for: 'c-1' },
  });
  const lines = [{ sku: 'x', quantity: '1' }];
  expect(calls).toEqual([['CreateOrder', { orderId: 'o-1', customerId: 'c-1', lines, requestId: 'k-1' }]]);
});

test('what the adapter finds wrong is returned with what breaks the contract, by the names of the caller', async () => {
  const { response, calls } = await post({ colour: 1, what: 'o 1' });
  expect(response).toMatchObject({
    status: 400,
    body: {
      error: 'invalid_request',
      message: 'colour: is unknown (and 2 more)',
      violations: [{ field: 'colour' }, { field: 'order_id' }, { field: 'who' }],
    },
  });
  expect(calls).toEqual([]);
  const onlyContract = await post({ who: '' });
  expect(onlyContract.response).toMatchObject({
    status: 400,
    body: { message: expect.stringMatching(/^who: /), violations: [{ field: 'who' }] },
  });
});

test('the adapter may choose the error, if nothing else is wrong', async () => {
  expect((await post({ who: 'c-1', sold: 1 })).response).toMatchObject({ body: { error: 'sold_out' } });
  expect((await post({ sold: 1 })).response).toMatchObject({
    status: 400,
    body: { error: 'invalid_request' },
  });
});

test('a response that cannot be written is an error of the server, and logged', async () => {
  const { response, lines, metrics } = await post({ who: 'bug' });
  expect(response).toMatchObject({ status: 500, body: { error: 'internal', message: '' } });
  expect(lines.filter(({ level }) => level === 'error')).toMatchObject([
    { msg: 'call failed', err: { message: 'secret text of a bug' } },
  ]);
  expect(await metrics.prometheus()).toMatch(/method="CreateOrder",code="internal",protocol="rest"/);
});

test('an adapter of a method that has a path without its whole request fails the start', async () => {
  const read = { ...adapter, method: OrderService.method.getOrder };
  await expect(post({}, [read])).rejects.toThrow(
    'GET /orders/{order_id} has an adapter, and so needs body: "*"',
  );
});

test('an adapter of a method without a path fails the start', async () => {
  const unserved = { ...adapter, method: Health.method.check };
  await expect(post({}, [unserved])).rejects.toThrow('Check has an adapter, and no path');
});
