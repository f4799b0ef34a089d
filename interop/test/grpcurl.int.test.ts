import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { createTestSystem, type TestSystem } from '@orderflow/e2e/test-system';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildGo, reasonToSkipGo } from '../src/go.ts';

const skipped = reasonToSkipGo();
if (skipped) console.warn(`Skipped: ${skipped}`);

const customerService = 'orderflow.enrichment.v1.CustomerService';
const productService = 'orderflow.enrichment.v1.ProductService';
const faultService = 'orderflow.testing.v1.FaultService';

describe.skipIf(skipped !== undefined)('grpcurl, which knows no protos, against the enrichment stub', () => {
  let system: TestSystem;
  let address: string;
  let binary: string;

  beforeAll(async () => {
    binary = (await buildGo()).grpcurl;
    system = await createTestSystem('grpcurl');
    const stub = system.services['enrichment-stub'];
    await stub.start();
    address = new URL(stub.url).host;
  }, 900_000);

  afterAll(() => system?.[Symbol.asyncDispose]());

  /** Runs `grpcurl -plaintext [options] ADDRESS [words]`. Rejects with what it said. */
  async function grpcurl(options: readonly string[], words: readonly string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(binary, ['-plaintext', ...options, address, ...words]);
    return stdout;
  }

  const describeSymbol = (symbol: string) => grpcurl([], ['describe', symbol]);

  async function call(method: string, request: object = {}): Promise<unknown> {
    return JSON.parse(await grpcurl(['-d', JSON.stringify(request)], [method.replace(/\.(\w+)$/, '/$1')]));
  }

  /** The `google.rpc.Status` of a call that must fail. */
  async function failureOf(method: string, request: object): Promise<GrpcStatus> {
    const failed: { stderr: string } = await grpcurl(
      ['-format-error', '-d', JSON.stringify(request)],
      [method.replace(/\.(\w+)$/, '/$1')],
    ).then(
      (response) => expect.unreachable(`answered ${response}`),
      (error) => error,
    );
    return JSON.parse(failed.stderr.slice(failed.stderr.indexOf('{')));
  }

  describe('list and describe', () => {
    test('the services', async () => {
      const services = (await grpcurl([], ['list'])).trim().split('\n');
      expect(services).toEqual(
        expect.arrayContaining([customerService, productService, faultService, 'grpc.health.v1.Health']),
      );
      expect(services.filter((name) => name.startsWith('grpc.reflection.'))).toHaveLength(2);
    });

    test('the methods of a service', async () => {
      const methods = (await grpcurl([], ['list', customerService])).trim().split('\n');
      expect(methods.map((method) => method.split('.').at(-1))).toEqual([
        'BatchGetCustomers',
        'CreateCustomer',
        'GetCustomer',
        'ListCustomers',
        'PutCustomer',
        'UpdateCustomer',
      ]);
    });

    test('a service', async () => {
      expect(await describeSymbol(productService)).toContain('rpc BatchGetProducts');
    });

    test('a method, and that it may be repeated', async () => {
      const text = await describeSymbol(`${customerService}.GetCustomer`);
      expect(text).toContain('GetCustomerRequest');
      expect(text).toContain('idempotency_level = NO_SIDE_EFFECTS');
    });

    test('a message, with its rules', async () => {
      const text = await describeSymbol('orderflow.enrichment.v1.GetCustomerRequest');
      expect(text).toContain('string customer_id = 1');
      expect(text).toContain('max_len');
    });
  });

  describe('customers', () => {
    test('GetCustomer', async () => {
      const response = await call(`${customerService}.GetCustomer`, { customer_id: 'c-1' });
      expect(response).toMatchObject({ customer: { customerId: 'c-1', active: true } });
    });

    test('BatchGetCustomers lists unknown ids', async () => {
      const response = await call(`${customerService}.BatchGetCustomers`, {
        customer_ids: ['c-5000', 'nobody'],
      });
      expect(response).toMatchObject({
        customers: [{ customerId: 'c-5000' }],
        notFoundCustomerIds: ['nobody'],
      });
    });

    test('ListCustomers, page by page', async () => {
      const first = (await call(`${customerService}.ListCustomers`, { page_size: 2 })) as CustomerPage;
      const pageToken = first.nextPageToken;
      const second = (await call(`${customerService}.ListCustomers`, {
        page_size: 2,
        pageToken,
      })) as CustomerPage;
      const ids = [...first.customers, ...second.customers].map(({ customerId }) => customerId);
      expect(new Set(ids).size).toBe(4);
    });

    test('CreateCustomer, then UpdateCustomer', async () => {
      const customer = { customer_id: 'c-new', name: 'New', email: 'new@example.com', active: true };
      const created = await call(`${customerService}.CreateCustomer`, { customer });
      expect(created).toMatchObject({ customer: { customerId: 'c-new', version: '1' } });
      const renamed = { ...customer, name: 'Newer', version: 1 };
      const updated = await call(`${customerService}.UpdateCustomer`, { customer: renamed });
      expect(updated).toMatchObject({ customer: { name: 'Newer', version: '2' } });
    });
  });

  describe('products', () => {
    test('GetProduct by SKU', async () => {
      expect(await call(`${productService}.GetProduct`, { sku: 'LAPTOP001' })).toMatchObject({
        product: { productId: 'p-1', price: { currencyCode: 'USD', units: '1299', nanos: 990_000_000 } },
      });
    });

    test('BatchGetProducts by id and SKU', async () => {
      const request = { product_ids: ['p-2', 'p-0'], skus: ['CHAIR001'] };
      const response = (await call(`${productService}.BatchGetProducts`, request)) as {
        products: { productId: string }[];
      };
      expect(response).toMatchObject({ notFoundProductIds: ['p-0'] });
      expect(response.products.map(({ productId }) => productId).sort()).toEqual(['p-2', 'p-3']);
    });

    test('ListProducts', async () => {
      const response = (await call(`${productService}.ListProducts`, { page_size: 1000 })) as {
        products: unknown[];
      };
      expect(response.products).toHaveLength(1000);
    });
  });

  describe('errors', () => {
    test('an unknown customer: NOT_FOUND, with the reason and the id', async () => {
      const status = await failureOf(`${customerService}.GetCustomer`, { customer_id: 'nobody' });
      expect(status).toMatchObject({ code: 5, message: expect.stringContaining('nobody') });
      expect(status.details).toEqual([
        expect.objectContaining({ reason: 'CUSTOMER_NOT_FOUND', domain: 'orderflow' }),
      ]);
    });

    test('a request against the rules: INVALID_ARGUMENT, with every field', async () => {
      const customer = { customer_id: 'not an id', name: '', email: 'nowhere' };
      const status = await failureOf(`${customerService}.CreateCustomer`, { customer });
      expect(status.code).toBe(3);
      expect(status.details).toContainEqual(expect.objectContaining({ reason: 'INVALID_REQUEST' }));
      const violations = status.details.flatMap(({ fieldViolations = [] }) => fieldViolations);
      expect(violations.map(({ field }) => field)).toEqual([
        'customer.customer_id',
        'customer.name',
        'customer.email',
      ]);
    });

    test('a change of what has changed meanwhile: ABORTED', async () => {
      const customer = { customer_id: 'c-3', name: 'Late', email: 'late@example.com', version: 77 };
      const status = await failureOf(`${customerService}.UpdateCustomer`, { customer });
      expect(status.code).toBe(10);
      expect(status.details).toContainEqual(expect.objectContaining({ reason: 'VERSION_MISMATCH' }));
    });
  });

  describe('health', () => {
    test('Check, of the server and of a service', async () => {
      const method = 'grpc.health.v1.Health.Check';
      expect(await call(method)).toEqual({ status: 'SERVING' });
      expect(await call(method, { service: customerService })).toEqual({ status: 'SERVING' });
      expect(await failureOf(method, { service: 'nobody.knows.this' })).toMatchObject({ code: 5 });
    });

    test('Watch says the status at once, and continues until its deadline', async () => {
      const options = ['-max-time', '1', '-d', '{}'];
      const ended: { stdout: string; stderr: string } = await grpcurl(options, [
        'grpc.health.v1.Health/Watch',
      ]).then(
        (response) => expect.unreachable(`ended with ${response}`),
        (error) => error,
      );
      expect(JSON.parse(ended.stdout)).toEqual({ status: 'SERVING' });
      expect(ended.stderr).toContain('DeadlineExceeded');
    });
  });

  describe('faults', () => {
    test('SetFault makes a method fail, ListFaults shows it, ClearFaults ends it', async () => {
      const fault = { method: 'GetProduct', error_rate: 1, error_code: 14, ids: ['p-9'] };
      await call(`${faultService}.SetFault`, { fault });
      const faults = await call(`${faultService}.ListFaults`);
      expect(faults).toMatchObject({
        faults: [{ method: 'GetProduct', errorRate: 1, errorCode: 14, ids: ['p-9'] }],
      });
      const method = `${productService}.GetProduct`;
      expect(await failureOf(method, { product_id: 'p-9' })).toMatchObject({ code: 14 });
      expect(await call(method, { product_id: 'p-8' })).toMatchObject({ product: { productId: 'p-8' } });

      await call(`${faultService}.ClearFaults`);
      expect(await call(`${faultService}.ListFaults`)).toEqual({});
      expect(await call(method, { product_id: 'p-9' })).toMatchObject({ product: { productId: 'p-9' } });
    });

    test('ResetCallCounts and GetCallCounts', async () => {
      await call(`${faultService}.ResetCallCounts`);
      await call(`${customerService}.GetCustomer`, { customer_id: 'c-11' });
      await call(`${customerService}.BatchGetCustomers`, { customer_ids: ['c-11', 'c-12'] });
      expect(await call(`${faultService}.GetCallCounts`)).toEqual({
        calls: { GetCustomer: '1', BatchGetCustomers: '1' },
        ids: { 'c-11': '2', 'c-12': '1' },
      });
    });
  });
});

/** What these tests read of grpcurl's JSON. */
interface GrpcStatus {
  readonly code: number;
  readonly message: string;
  readonly details: readonly {
    readonly reason?: string;
    readonly fieldViolations?: readonly { field: string }[];
  }[];
}

interface CustomerPage {
  readonly customers: readonly { readonly customerId: string }[];
  readonly nextPageToken: string;
}
