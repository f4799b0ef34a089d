import { execFile } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildGo, type GoBuild, reasonToSkipGo } from '../src/go.ts';
import { type GoEnrichment, startGoEnrichment } from '../src/go-enrichment.ts';

const customerService = 'orderflow.enrichment.v1.CustomerService';
const productService = 'orderflow.enrichment.v1.ProductService';
const skipped = reasonToSkipGo();
if (skipped) console.warn(`Skipped: ${skipped}`);

describe.skipIf(skipped !== undefined)('the enrichment contract, served by Go', () => {
  let go: GoBuild;
  let server: GoEnrichment;

  beforeAll(async () => {
    go = await buildGo();
    server = await startGoEnrichment();
  }, 900_000);

  afterAll(() => server?.stop());

  /** A gRPC call by a client that knows the contract from the export alone. Rejects with the error's JSON. */
  async function grpc(method: string, request: object): Promise<Record<string, unknown>> {
    const data = JSON.stringify(request);
    const options = ['-plaintext', '-format-error', '-protoset', go.protoset, '-d', data];
    const { stdout } = await promisify(execFile)(go.grpcurl, [...options, new URL(server.url).host, method]);
    return JSON.parse(stdout);
  }

  /** A Connect call over HTTP/1.1. Returns the body, of errors too; `reasons` and `fields` are its details. */
  async function connect(method: string, request: object, headers: Record<string, string> = {}) {
    const response = await fetch(`${server.url}/${method}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(request),
    });
    const body = (await response.json()) as JsonResponse;
    const details = (body.details ?? []).map((detail) => detail.debug);
    return {
      body,
      reasons: details.flatMap((detail) => detail.reason ?? []),
      fields: details.flatMap((detail) => detail.fieldViolations ?? []).map((violation) => violation.field),
    };
  }

  test('BatchGetCustomers returns each id once and names the unknown ids', async () => {
    const request = { customer_ids: ['c-200', 'c-1', 'nobody', 'c-1', 'c-201'] };
    const response = await grpc(`${customerService}/BatchGetCustomers`, request);
    expect(response['customers']).toEqual([
      expect.objectContaining({ customerId: 'c-1', version: '1' }),
      expect.objectContaining({ customerId: 'c-200', version: '1' }),
    ]);
    // JSON leaves false out: c-200 is inactive.
    expect(response['customers']).toHaveProperty('[0].active', true);
    expect(response['customers']).not.toHaveProperty('[1].active');
    expect(response['notFoundCustomerIds']).toEqual(['c-201', 'nobody']);
  });

  test('BatchGetProducts finds by id and by SKU, prices exactly, and marks retired ones', async () => {
    const request = { product_ids: ['p-50', 'p-1', 'p-0'], skus: ['LAPTOP001', 'MOUSE001', 'SKU99999'] };
    const response = await grpc(`${productService}/BatchGetProducts`, request);
    expect(response).toEqual({
      products: expect.any(Array),
      notFoundProductIds: ['p-0'],
      notFoundSkus: ['SKU99999'],
    });
    const usd = { currencyCode: 'USD' };
    expect(response['products']).toEqual([
      expect.objectContaining({ productId: 'p-1', price: { ...usd, units: '1299', nanos: 990_000_000 } }),
      expect.objectContaining({ productId: 'p-50', sku: 'SKU00050', state: 'STATE_RETIRED' }),
      expect.objectContaining({ productId: 'p-2', price: { ...usd, units: '79', nanos: 990_000_000 } }),
    ]);
  });

  test('an unknown customer is NOT_FOUND over gRPC, with its declared reason', async () => {
    const method = `${customerService}/GetCustomer`;
    await expect(grpc(method, { customer_id: 'nobody' })).rejects.toThrow(/"code": 5/);
    const { body, reasons } = await connect(method, { customerId: 'nobody' });
    expect(body.code).toBe('not_found');
    expect(reasons).toEqual(['CUSTOMER_NOT_FOUND']);
  });

  test('Go enforces the rules in the contract and names every field that breaks one', async () => {
    const { body, reasons, fields } = await connect(`${customerService}/CreateCustomer`, {
      customer: { customerId: 'not an id', name: '', email: 'nowhere' },
    });
    expect(body.code).toBe('invalid_argument');
    expect(reasons).toEqual(['INVALID_REQUEST']);
    expect(fields).toEqual(['customer.customer_id', 'customer.name', 'customer.email']);

    const ids = Array.from({ length: 150 }, (_, n) => `p-${n}`);
    const tooMany = await connect(`${productService}/BatchGetProducts`, { productIds: ids, skus: ids });
    expect(tooMany.body.message).toContain('1 to 200 entries');
  });

  test('pages of ListProducts give every product once, in text order', async () => {
    const ids: unknown[] = [];
    let pageToken = '';
    do {
      const { body } = await connect(`${productService}/ListProducts`, { pageSize: 30, pageToken });
      ids.push(...(body.products ?? []).map((product) => product.productId));
      pageToken = body.nextPageToken ?? '';
    } while (pageToken);
    expect(ids).toEqual(Array.from({ length: 100 }, (_, n) => `p-${n + 1}`).sort());

    const garbage = await connect(`${productService}/ListProducts`, { pageToken: 'garbage' });
    expect(garbage.reasons).toEqual(['PAGE_TOKEN_INVALID']);
  });

  test('an update raises the version once, however often it is sent', async () => {
    const method = `${customerService}/UpdateCustomer`;
    const customer = { customerId: 'c-7', name: 'New Name', email: 'new@example.com', active: true };
    const request = { customer: { ...customer, version: '1' }, requestId: 'rename-c-7' };
    const first = await connect(method, request);
    expect(first.body.customer).toMatchObject({ ...customer, version: '2' });
    expect(await connect(method, request)).toEqual(first);

    const reused = await connect(method, { ...request, customer });
    expect(reused.reasons).toEqual(['REQUEST_ID_REUSED']);
    // The same request_id of another caller is another call, and version 1 is no longer the current one.
    const other = await connect(method, request, { 'x-caller-id': 'someone-else' });
    expect(other.reasons).toEqual(['VERSION_MISMATCH']);
  });

  test('a created customer can be read, and its id is taken', async () => {
    const customer = { customerId: 'c-new', name: 'New', email: 'new@example.com', active: true };
    const created = await connect(`${customerService}/CreateCustomer`, { customer });
    expect(created.body.customer).toMatchObject({ ...customer, version: '1' });
    const read = await connect(`${customerService}/GetCustomer`, { customerId: 'c-new' });
    expect(read.body).toEqual(created.body);
    const again = await connect(`${customerService}/CreateCustomer`, { customer });
    expect(again.reasons).toEqual(['CUSTOMER_ALREADY_EXISTS']);
  });

  test('a customer that is put is created, or replaced', async () => {
    const method = `${customerService}/PutCustomer`;
    const put = (customer: object) => connect(method, { customer: { customerId: 'c-put', ...customer } });
    const created = await put({ name: 'New', address: '1 Mill Lane' });
    const active = { customerId: 'c-put', name: 'New', address: '1 Mill Lane', active: true, version: '1' };
    expect(created.body.customer).toMatchObject(active);
    const inactive = await put({ name: 'Newer', active: false });
    expect(inactive.body.customer).toMatchObject({ name: 'Newer', version: '2' });
    // What is not said of it stays, and what is replaced is gone.
    const renamed = await put({ name: 'Newest', version: '2' });
    expect(renamed.body.customer).toMatchObject({ name: 'Newest', version: '3' });
    for (const field of ['active', 'address']) expect(renamed.body.customer).not.toHaveProperty(field);
    expect((await put({ name: 'Late', version: '2' })).reasons).toEqual(['VERSION_MISMATCH']);
  });

  test('a second build takes less than a second', async () => {
    const start = performance.now();
    expect(await buildGo()).toEqual(go);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

/** What these tests read of Connect's JSON. */
type JsonResponse = {
  code?: string;
  message?: string;
  details?: { debug: { reason?: string; fieldViolations?: { field: string }[] } }[];
  customer?: unknown;
  products?: { productId: string }[];
  nextPageToken?: string;
};
