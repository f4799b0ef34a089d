import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { Fault_Kind, FaultService } from '@orderflow/contracts/orderflow/testing/v1/fault_service';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestSystem, type TestSystem } from '../src/test-system.ts';

const others = ['enrichment-stub', 'inventory', 'payment', 'notification'] as const;

let system: TestSystem;
let door: string;

beforeAll(async () => {
  system = await createTestSystem('one-door');
  await system.start(['order-api', ...others]);
  door = system.services['order-api'].url;
});

afterAll(() => system?.[Symbol.asyncDispose]());

async function call(method: string, url: string, body?: object) {
  const json = body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
  const response = await fetch(url, { method, ...json });
  const sent = (await response.json()) as Record<string, unknown>;
  return { status: response.status, retryAfter: response.headers.get('retry-after'), body: sent };
}

/** What is served as REST at this address, such as `GET /orders/{order_id}`. */
async function routesAt(url: string): Promise<string[]> {
  const { body } = await call('GET', url);
  return (body as { served: { rest: string[] } }).served.rest;
}

/** Values for the variables of paths. */
const known: Readonly<Record<string, string>> = {
  ...{ customer_id: 'c-1', product_id: 'p-1', sku: 'LAPTOP001', order_id: 'none', payment_id: 'none' },
  notification_id: 'none',
};

test('every path of the other services is served, at / and under /api/v1, and gives the same', async () => {
  const served = await routesAt(`${door}/`);
  expect(await routesAt(`${door}/api/v1`)).toEqual(served);
  let compared = 0;
  for (const name of others) {
    const { url } = system.services[name];
    for (const route of await routesAt(`${url}/`)) {
      expect(served).toContain(route);
      const [method = '', template = ''] = route.split(' ');
      // The catalogue's.
      if (method !== 'GET' || route === 'GET /products') continue;
      const path = template.replace(/\{(?:\w+\.)?(\w+)\}/g, (_, variable: string) => known[variable] ?? '');
      const direct = await call('GET', url + path);
      expect(await call('GET', `${door}/api/v1${path}`), path).toEqual(direct);
      compared += 1;
    }
  }
  expect(compared).toBeGreaterThan(12);
});

test('customers and stock are put, and what is refused says why', async () => {
  const put = await call('PUT', `${door}/customers/one-door`, {
    customer: { name: 'Ada', address: '1 Lane' },
  });
  expect(put).toMatchObject({ status: 200, body: { customerId: 'one-door', active: true, version: 1 } });
  const { body } = await call('GET', `${door}/customers/one-door`);
  expect(body).toEqual({ ...(put.body as object), orderCount: 0 });
  expect(await call('PUT', `${door}/customers/one-door`, { ...body, version: 7 })).toMatchObject({
    status: 412,
    body: { error: 'version_mismatch', metadata: { current_version: '1' } },
  });
  const invalid = await call('PUT', `${door}/customers/one-door`, { name: '', email: 'nowhere' });
  expect(invalid).toMatchObject({
    status: 400,
    body: { violations: [{ field: 'customer.name' }, { field: 'customer.email' }] },
  });

  expect(await call('PUT', `${door}/inventory/p-700`, { quantity_available: 12 })).toMatchObject({
    status: 200,
    body: { productId: 'p-700', onHand: 12, available: 12 },
  });
  expect(
    await call('POST', `${door}/inventory/p-700/adjustments`, { delta: -13, reason: 'lost' }),
  ).toMatchObject({ status: 409, body: { error: 'stock_below_reserved' } });
  expect(await call('GET', `${door}/reservations/none`)).toMatchObject({
    status: 404,
    body: { error: 'reservation_not_found' },
  });
  expect(await call('POST', `${door}/payments/none/refund`, { reason: 'late' })).toMatchObject({
    status: 404,
    body: { error: 'payment_not_found' },
  });
});

test('products are listed with their stock', async () => {
  const { body } = await call('GET', `${door}/products?sku=LAPTOP001`);
  expect(body).toMatchObject({
    products: [
      {
        ...{ productId: 'p-1', sku: 'LAPTOP001', state: 'ACTIVE', availableQuantity: 15 },
        price: { currencyCode: 'USD', amount: '1299.99' },
      },
    ],
  });
  expect(await call('GET', `${door}/products/LAPTOP001/inventory`)).toMatchObject({
    status: 200,
    body: { productId: 'p-1', sku: 'LAPTOP001', available: 15, reserved: 0 },
  });
  expect(await call('GET', `${door}/products/NOTHING/inventory`)).toMatchObject({
    status: 404,
    body: { error: 'product_not_found' },
  });
  const products: unknown[] = [];
  let token = '';
  do {
    const page = await call('GET', `${door}/products?page_size=700&page_token=${token}`);
    products.push(...(page.body['products'] as unknown[]));
    token = String(page.body['nextPageToken'] ?? '');
  } while (token !== '');
  expect(products).toHaveLength(2000);
});

test('a response that is far too large is an error, of this call only', async () => {
  const transport = createGrpcTransport({ baseUrl: system.services['enrichment-stub'].url });
  const faults = createClient(FaultService, transport);
  await faults.setFault({ fault: { method: 'GetCustomer', kind: Fault_Kind.HUGE_REPLY, ids: ['c-9'] } });
  expect(await call('GET', `${door}/customers/c-9`)).toMatchObject({
    status: 500,
    body: { error: 'internal' },
  });
  expect(await call('GET', `${door}/customers/c-8`)).toMatchObject({ status: 200 });
  await faults.clearFaults({});
});

test('while a service is unavailable its paths are 503 and say when to repeat; the API is ready, the catalogue has no stock', async () => {
  await Promise.all([system.services.inventory.kill(), system.services.payment.kill()]);
  for (const path of ['/inventory/p-1', '/payments/none', '/products/LAPTOP001/inventory']) {
    expect(await call('GET', door + path), path).toMatchObject({
      status: 503,
      retryAfter: '1',
      body: { error: 'dependency_unavailable' },
    });
  }
  const { body } = await call('GET', `${door}/products?sku=LAPTOP001`);
  expect(body['products']).toMatchObject([{ sku: 'LAPTOP001' }]);
  expect(JSON.stringify(body)).not.toContain('availableQuantity');
  expect((await fetch(`${door}/health/ready`)).status).toBe(200);
  expect(await call('GET', `${door}/customers/c-1`)).toMatchObject({ status: 200 });
});
