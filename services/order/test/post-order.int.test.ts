import { toJson } from '@bufbuild/protobuf';
import { Order_State } from '@orderflow/contracts/orderflow/order/v1/order';
import {
  CreateOrderRequestSchema,
  OrderService,
} from '@orderflow/contracts/orderflow/order/v1/order_service';
import { createRpcServer, refusalErrors } from '@orderflow/rpc';
import { createHealth } from '@orderflow/runtime';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Refusal } from '../src/domain/refusal.ts';
import { createOrderAdapter } from '../src/inbound/rest/create-order.ts';
import { errorReasons } from '../src/inbound/rpc/error-reasons.ts';
import { refused as refusedOrder } from '../src/use-cases/place-order.ts';
import { type OrderVector, refused, taken } from './post-order-vectors/index.ts';
import { silent } from './stack-kit.ts';

const calls: unknown[] = [];
const server = createRpcServer({
  service: 'test',
  host: '127.0.0.1',
  port: 0,
  routes: (router) =>
    router.service(OrderService, {
      createOrder(request) {
        calls.push(toJson(CreateOrderRequestSchema, request));
        const [{ reference } = { reference: { value: '' } }] = request.lines;
        if (reference.value === 'short') {
          const subject = 'lines[0].quantity';
          throw refusedOrder([{ type: 'OUT_OF_STOCK', subject, description: 'Available: 1, Requested: 2' }]);
        }
        const { orderId = 'made-up', customerId } = request;
        return { order: { orderId: orderId || 'made-up', customerId, state: Order_State.PENDING } };
      },
    }),
  services: [OrderService],
  restAdapters: [createOrderAdapter],
  health: createHealth([]),
  prometheus: async () => '',
  logger: silent,
  refusalError: refusalErrors(Refusal, errorReasons),
  reasons: errorReasons,
  drainMs: 0,
  graceMs: 2000,
});
beforeAll(() => server.start());
afterAll(() => server.stop());

async function post({ json, raw, headers = {} }: Pick<OrderVector, 'json' | 'raw' | 'headers'>) {
  calls.length = 0;
  const response = await fetch(`http://127.0.0.1:${server.port}/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: raw ?? JSON.stringify(json),
  });
  return { response, body: (await response.json()) as Record<string, unknown> };
}

test.for(taken.map((vector) => [vector.name, vector] as const))('%s', async ([, vector]) => {
  const { response, body } = await post(vector);
  expect(calls, JSON.stringify(body)).toEqual([vector.call]);
  expect(response.status).toBe(vector.status ?? 202);
  expect(body).toMatchObject({ orderId: expect.stringMatching(/./), status: 'PENDING' });
});

test.for(refused.map((vector) => [vector.name, vector] as const))('%s is refused', async ([, vector]) => {
  const { response, body } = await post(vector);
  expect(body, JSON.stringify(body)).toMatchObject({ status: vector.status, error: vector.error });
  expect(response.status).toBe(vector.status);
  expect(calls).toEqual([]);
  const violations = (body['violations'] ?? []) as { field: string; reason: string; message: string }[];
  if (vector.violations) {
    expect(violations.map(({ field, reason }) => [field, reason])).toEqual(vector.violations);
  }
  if (vector.says) expect(JSON.stringify(body)).toContain(vector.says);
});

test('the response of an order, and where it is', async () => {
  const json = { order_id: 'a:b', customer_id: 'c-1', items: [{ sku: 'x' }] };
  const { response, body } = await post({ json });
  expect(new URL(response.headers.get('location') ?? '', response.url).pathname).toBe('/orders/a%3Ab');
  expect(body).toEqual({
    orderId: 'a:b',
    status: 'PENDING',
    message: 'the order is stored: GET /orders/a:b/status says what becomes of it',
    order: { orderId: 'a:b', customerId: 'c-1', state: 'PENDING', refunded: false, version: 0 },
  });
  for (const other of [{ validate_only: true }, { order_id: '.' }, { order_id: '..' }]) {
    const { response } = await post({ json: { ...json, ...other } });
    expect([response.ok, response.headers.has('location')]).toEqual([true, false]);
  }
});

test('errors of the handler name fields as the sender did', async () => {
  const json = { customer: { id: 'c-1' }, products: [{ productId: 'short', quantity: 2 }] };
  expect(await post({ json })).toMatchObject({
    response: { status: 422 },
    body: {
      error: 'insufficient_inventory',
      message: 'Available: 1, Requested: 2',
      violations: [{ field: 'products[0].quantity', reason: 'out_of_stock' }],
    },
  });
  // A violation of the contract only.
  expect(await post({ json: { customer: { id: '' }, products: [{ productId: 'x' }] } })).toMatchObject({
    response: { status: 400 },
    body: { message: expect.stringMatching(/^customer\.id: /), violations: [{ field: 'customer.id' }] },
  });
});

test('of many violations the first 50 are named, and all are counted', async () => {
  const items = Array.from({ length: 200 }, () => ({ sku: 'x', quantity: 'many' }));
  const { body } = await post({ json: { customer_id: 'c-1', items } });
  expect(body).toMatchObject({ status: 400, metadata: { violations: '200' } });
  expect((body['violations'] as unknown[]).length).toBeLessThanOrEqual(50);
});
