import { fromBinary, toJson } from '@bufbuild/protobuf';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import { Code } from '@connectrpc/connect';
import { CustomerUpdatedSchema } from '@orderflow/contracts/orderflow/enrichment/event/v1/customer_updated';
import { CustomerSchema } from '@orderflow/contracts/orderflow/enrichment/v1/customer';
import { Product_State } from '@orderflow/contracts/orderflow/enrichment/v1/product';
import { errorReason, pageTokens, textKey } from '@orderflow/rpc';
import { eventually, uniqueName } from '@orderflow/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readCustomerEvents, runStub, testConfig } from './running-stub.ts';

const config = testConfig();
let stub: Awaited<ReturnType<typeof runStub>>;
let events: Awaited<ReturnType<typeof readCustomerEvents>>;

beforeAll(async () => {
  stub = await runStub(config);
  events = await readCustomerEvents(config);
});

afterAll(async () => {
  await events.stop();
  await stub.stop();
});

function draft(customerId = uniqueName('c')) {
  return { customerId, name: 'Ada Chen', email: 'ada@example.com', active: true };
}

/** How the call fails: code and reason. */
async function failure(call: Promise<unknown>): Promise<[Code | undefined, string | undefined]> {
  const error: unknown = await call.then(
    () => expect.unreachable('the call should have failed'),
    (reason: unknown) => reason,
  );
  return [(error as { code?: Code }).code, errorReason(error)];
}

const eventsOf = (customerId: string) =>
  events.records.filter((record) => record.headers['ce_subject'] === customerId);

test('the seeds are there', async () => {
  const { customers } = await stub.customers.batchGetCustomers({
    customerIds: ['c-1', 'c-50', 'c-4999', 'c-5000'],
  });
  const active = customers.map((customer) => [customer.customerId, customer.active, customer.version]);
  expect(active.sort()).toEqual([
    ['c-1', true, 1n],
    ['c-4999', true, 1n],
    ['c-50', false, 1n],
    ['c-5000', false, 1n],
  ]);
  const { product } = await stub.products.getProduct({ reference: { case: 'sku', value: 'MOUSE001' } });
  expect(product).toMatchObject({
    productId: 'p-2',
    price: { currencyCode: 'USD', units: 79n, nanos: 990_000_000 },
    state: Product_State.ACTIVE,
    version: 1n,
  });
  const retired = await stub.products.getProduct({ reference: { case: 'productId', value: 'p-50' } });
  expect(retired.product?.state).toBe(Product_State.RETIRED);
});

test('a batch names what was not found, whatever its name is', async () => {
  const customers = await stub.customers.batchGetCustomers({
    customerIds: ['c-1', 'c-1', "c'", 'nul\0', 'é'],
  });
  expect(customers.customers.map((customer) => customer.customerId)).toEqual(['c-1']);
  expect(customers.notFoundCustomerIds.sort()).toEqual(["c'", 'nul\0', 'é']);
  const products = await stub.products.batchGetProducts({
    productIds: ['p-1', 'LAPTOP001'],
    skus: ['LAPTOP001', 'p-1', 'nul\0'],
  });
  expect(products.products.map((product) => product.productId)).toEqual(['p-1']);
  expect(products.notFoundProductIds).toEqual(['LAPTOP001']);
  expect(products.notFoundSkus).toEqual(['p-1', 'nul\0']);
});

test('one that does not exist is NOT_FOUND', async () => {
  expect(await failure(stub.customers.getCustomer({ customerId: 'c-0' }))).toEqual([
    Code.NotFound,
    'CUSTOMER_NOT_FOUND',
  ]);
  const reference = { case: 'sku', value: 'NOTHING' } as const;
  expect(await failure(stub.products.getProduct({ reference }))).toEqual([
    Code.NotFound,
    'PRODUCT_NOT_FOUND',
  ]);
});

test('paging through the products gives each of the 2,000 once, in the order of ids', async () => {
  const ids: string[] = [];
  let pageToken = '';
  do {
    const page = await stub.products.listProducts({ pageSize: 300, pageToken });
    ids.push(...page.products.map((product) => product.productId));
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  const all = Array.from({ length: 2000 }, (_, index) => `p-${index + 1}`);
  expect(ids).toEqual(all.sort());
});

test('customers are listed by the bytes of their ids, 50 a page', async () => {
  for (const id of ['A-1', 'a-1', 'Z-1']) await stub.customers.createCustomer({ customer: draft(id) });
  const { customers, nextPageToken } = await stub.customers.listCustomers({});
  expect(customers).toHaveLength(50);
  expect(customers.slice(0, 4).map((customer) => customer.customerId)).toEqual(['A-1', 'Z-1', 'a-1', 'c-1']);
  expect(await failure(stub.products.listProducts({ pageToken: nextPageToken }))).toEqual([
    Code.InvalidArgument,
    'PAGE_TOKEN_INVALID',
  ]);
});

test('page tokens that hold what no list has written are refused', async () => {
  const made = (list: string) => pageTokens<[string]>(list, textKey).encode(['\0']);
  for (const call of [
    stub.customers.listCustomers({ pageToken: made('customers') }),
    stub.products.listProducts({ pageToken: made('products') }),
  ]) {
    expect(await failure(call)).toEqual([Code.InvalidArgument, 'PAGE_TOKEN_INVALID']);
  }
});

test('creating and updating a customer publishes customer-events', async () => {
  const customer = draft();
  const { customerId } = customer;
  const trace = '0af7651916cd43dd8448eb211c80319c';
  const created = await stub.customers.createCustomer(
    { customer: { ...customer, version: 99n } },
    { headers: { traceparent: `00-${trace}-b7ad6b7169203331-01` } },
  );
  expect(created.customer).toMatchObject({ ...customer, version: 1n });
  const updated = await stub.customers.updateCustomer({
    customer: { ...customer, active: false, version: 1n },
  });
  expect(updated.customer).toMatchObject({ ...customer, active: false, version: 2n });
  expect(updated.customer?.createTime).toEqual(created.customer?.createTime);

  await eventually(() => eventsOf(customerId).length >= 2);
  const stored = [created.customer, updated.customer];
  expect(
    eventsOf(customerId).map(({ key, value, headers }) => ({
      key: key?.toString(),
      headers: { ...headers, traceparent: headers['traceparent']?.slice(3, 35) },
      event: fromBinary(CustomerUpdatedSchema, value ?? new Uint8Array()),
    })),
  ).toEqual(
    stored.map((response, index) => ({
      key: customerId,
      headers: {
        ce_specversion: '1.0',
        ce_id: `${customerId}/${index + 1}`,
        ce_type: 'orderflow.enrichment.event.v1.CustomerUpdated',
        ce_source: '/orderflow/enrichment-stub',
        ce_subject: customerId,
        ce_time: response?.updateTime && timestampDate(response.updateTime).toISOString(),
        'content-type': 'application/protobuf',
        traceparent: index === 0 ? trace : expect.any(String),
      },
      event: expect.objectContaining({
        customerId,
        version: BigInt(index + 1),
        updateTime: response?.updateTime,
      }),
    })),
  );
});

test('20 equal requests at once create one customer and get equal responses', async () => {
  const customer = draft();
  const requestId = uniqueName('r');
  const responses = await Promise.all(
    Array.from({ length: 20 }, () => stub.customers.createCustomer({ customer, requestId })),
  );
  const texts = responses.map((response) => response.customer && toJson(CustomerSchema, response.customer));
  expect(new Set(texts.map((text) => JSON.stringify(text))).size).toBe(1);
  await eventually(() => eventsOf(customer.customerId).length >= 1);

  // Published once, so the next event there is version 2.
  await stub.customers.updateCustomer({ customer });
  await eventually(() => eventsOf(customer.customerId).length >= 2);
  expect(eventsOf(customer.customerId).map((record) => record.headers['ce_id'])).toEqual([
    `${customer.customerId}/1`,
    `${customer.customerId}/2`,
  ]);
  // The response of the time when it was created.
  expect((await stub.customers.createCustomer({ customer, requestId })).customer?.version).toBe(1n);
});

test('a request id with another body is refused, from another caller it is another request', async () => {
  const requestId = uniqueName('r');
  const customer = draft();
  await stub.customers.createCustomer({ customer, requestId });
  const other = { customer: { ...customer, name: 'Grace Bauer' }, requestId };
  expect(await failure(stub.customers.createCustomer(other))).toEqual([
    Code.InvalidArgument,
    'REQUEST_ID_REUSED',
  ]);
  const headers = { 'x-caller-id': 'another-caller' };
  expect(await failure(stub.customers.createCustomer(other, { headers }))).toEqual([
    Code.AlreadyExists,
    'CUSTOMER_ALREADY_EXISTS',
  ]);
});

test('a repeated update gets the first response, before any other check', async () => {
  const customer = draft();
  await stub.customers.createCustomer({ customer });
  const update = { customer: { ...customer, name: 'Grace Bauer', version: 1n }, requestId: uniqueName('r') };
  const first = await stub.customers.updateCustomer(update);
  await stub.customers.updateCustomer({ customer });
  // By now version 1 would be refused.
  expect(await stub.customers.updateCustomer(update)).toEqual(first);
});

test('a refused request is judged anew when it is repeated', async () => {
  const update = { customer: draft(), requestId: uniqueName('r') };
  expect(await failure(stub.customers.updateCustomer(update))).toEqual([Code.NotFound, 'CUSTOMER_NOT_FOUND']);
  await stub.customers.createCustomer({ customer: update.customer });
  expect((await stub.customers.updateCustomer(update)).customer?.version).toBe(2n);
});

test('concurrent updates each get their own version, and are published in that order', async () => {
  const customer = draft();
  await stub.customers.createCustomer({ customer });
  const responses = await Promise.all(
    Array.from({ length: 10 }, (_, index) =>
      stub.customers.updateCustomer({ customer: { ...customer, name: `Ada ${index}` } }),
    ),
  );
  const versions = responses.map((response) => Number(response.customer?.version)).sort((a, b) => a - b);
  expect(versions).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  await eventually(() => eventsOf(customer.customerId).length >= 11);
  const published = eventsOf(customer.customerId).map((record) => record.headers['ce_id']);
  expect(published).toEqual([1, ...versions].map((version) => `${customer.customerId}/${version}`));
});

test('an update of an old version is ABORTED, of an unknown customer NOT_FOUND', async () => {
  const customer = draft();
  await stub.customers.createCustomer({ customer });
  expect(await failure(stub.customers.updateCustomer({ customer: { ...customer, version: 2n } }))).toEqual([
    Code.Aborted,
    'VERSION_MISMATCH',
  ]);
  expect(await failure(stub.customers.updateCustomer({ customer: draft() }))).toEqual([
    Code.NotFound,
    'CUSTOMER_NOT_FOUND',
  ]);
});

/** Puts a customer over REST. */
async function put(customerId: string, body: object, headers: Record<string, string> = {}) {
  const response = await fetch(`${stub.baseUrl}/customers/${customerId}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

test('a customer that is put over REST is created, or replaced; what was read can be sent back', async () => {
  const customerId = uniqueName('c');
  const created = await put(customerId, { customer: { name: 'Ada Chen', address: '1 Mill Lane' } });
  expect(created).toMatchObject({
    status: 200,
    body: { customerId, name: 'Ada Chen', address: '1 Mill Lane', active: true, version: 1 },
  });
  expect(created.body).not.toHaveProperty('email');
  const replaced = await put(customerId, { ...created.body, name: 'Ada Bauer', active: false });
  expect(replaced.body).toMatchObject({ name: 'Ada Bauer', active: false, version: 2 });
  expect(replaced.body['createTime']).toBe(created.body['createTime']);
  // By now its version is another.
  expect(await put(customerId, { ...created.body })).toMatchObject({
    status: 412,
    body: { error: 'version_mismatch', metadata: { current_version: '2', given_version: '1' } },
  });
  const { customer } = await stub.customers.getCustomer({ customerId });
  expect(customer).toMatchObject({ name: 'Ada Bauer', email: '', address: '1 Mill Lane', version: 2n });
  await eventually(() => eventsOf(customerId).length >= 2);
  expect(eventsOf(customerId).map(({ headers }) => headers['ce_id'])).toEqual([
    `${customerId}/1`,
    `${customerId}/2`,
  ]);
});

test('of 20 calls that put a new customer at once, one creates it and the others replace it', async () => {
  const customerId = uniqueName('c');
  const calls = Array.from({ length: 20 }, (_, n) => put(customerId, { name: `Ada ${n}` }));
  const responses = await Promise.all(calls);
  expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]));
  const versions = responses.map(({ body }) => Number(body['version'])).sort((a, b) => a - b);
  expect(versions).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
  await eventually(() => eventsOf(customerId).length >= 20);
  const published = eventsOf(customerId).map(({ headers }) => headers['ce_id']);
  expect(published).toEqual(versions.map((version) => `${customerId}/${version}`));
});

test('a repeated put is one, and another content under its key is refused', async () => {
  const customerId = uniqueName('c');
  const headers = { 'idempotency-key': uniqueName('k'), 'x-caller-id': 'shop' };
  const first = await put(customerId, { name: 'Ada Chen' }, headers);
  await put(customerId, { name: 'Ada Bauer' });
  expect(await put(customerId, { name: 'Ada Chen' }, headers)).toEqual(first);
  expect(await put(customerId, { name: 'Ada', active: true }, headers)).toMatchObject({
    status: 422,
    body: { error: 'request_id_reused' },
  });
  expect((await stub.customers.getCustomer({ customerId })).customer?.version).toBe(2n);
});

test('what cannot be stored is refused as invalid', async () => {
  const invalid = [Code.InvalidArgument, 'INVALID_REQUEST'];
  const customer = draft();
  const headers = { 'x-caller-id': 'x'.repeat(129) };
  const { createCustomer } = stub.customers;
  expect(await failure(createCustomer({ customer: { ...customer, name: 'nul\0' } }))).toEqual(invalid);
  expect(await failure(createCustomer({ customer: { ...customer, address: 'nul\0' } }))).toEqual(invalid);
  expect(await failure(createCustomer({ customer, requestId: 'nul\0' }))).toEqual(invalid);
  expect(await failure(createCustomer({ customer, requestId: 'r' }, { headers }))).toEqual(invalid);
  expect(await failure(createCustomer({ customer: { ...customer, email: 'nobody' } }))).toEqual(invalid);
});
