import { type Client, Code, ConnectError, createClient, createRouterTransport } from '@connectrpc/connect';
import { toMoney } from '@orderflow/contracts';
import { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { Product_State } from '@orderflow/contracts/orderflow/enrichment/v1/product';
import { ProductService } from '@orderflow/contracts/orderflow/enrichment/v1/product_service';
import { describe, expect, test } from 'vitest';
import {
  customerUpstream,
  productUpstream,
  UpstreamResponseError,
  UpstreamUnavailableError,
} from '../src/outbound/enrichment/enrichment-api.ts';
import { byId, bySku } from './kit.ts';

type CustomersReply = Awaited<ReturnType<Client<typeof CustomerService>['batchGetCustomers']>>;
const ada = { customerId: 'c-1', name: 'Ada', email: 'a@b.c', active: true, version: 1n };
const laptop = {
  productId: 'p-1',
  sku: 'LAPTOP001',
  name: 'Laptop',
  description: 'A laptop',
  price: toMoney(129_999n, 'USD'),
  state: Product_State.ACTIVE,
  version: 2n,
};

function customers(
  response: () => Partial<Pick<CustomersReply, 'notFoundCustomerIds'>> & {
    customers?: (typeof ada & { orderCount?: bigint })[];
  },
) {
  const transport = createRouterTransport(({ service }) => {
    service(CustomerService, { batchGetCustomers: () => response() });
  });
  return customerUpstream(createClient(CustomerService, transport));
}

function products(response: {
  products?: (typeof laptop)[];
  notFoundSkus?: string[];
  notFoundProductIds?: string[];
}) {
  const asked: { productIds: string[]; skus: string[] }[] = [];
  const transport = createRouterTransport(({ service }) => {
    service(ProductService, {
      batchGetProducts({ productIds, skus }) {
        asked.push({ productIds, skus });
        return response;
      },
    });
  });
  return { asked, upstream: productUpstream(createClient(ProductService, transport), 'USD') };
}

describe('customers', () => {
  test('are returned in the order of the request, undefined where there is none', async () => {
    const upstream = customers(() => ({ customers: [ada], notFoundCustomerIds: ['c-2'] }));
    const response = await upstream.fetch(['c-2', 'c-1']);
    expect([...response.keys()]).toEqual(['c-2', 'c-1']);
    expect(response.get('c-2')).toBeUndefined();
    const message = response.get('c-1');
    expect(message && upstream.toValue('c-1', message)).toEqual(ada);
  });

  test('have no order count, even if the API sends one: a cache entry would keep it', async () => {
    const upstream = customers(() => ({ customers: [{ ...ada, orderCount: 7n }] }));
    const message = (await upstream.fetch(['c-1'])).get('c-1');
    expect(message).toMatchObject({ customerId: 'c-1' });
    expect(message?.orderCount).toBeUndefined();
  });

  test.each([
    ['an id that is in neither list', {}],
    ['an id that is in both lists', { customers: [ada], notFoundCustomerIds: ['c-1'] }],
    ['another customer than was asked for', { customers: [{ ...ada, customerId: 'c-9' }] }],
  ])('%s is a wrong response', async (_, reply) => {
    await expect(customers(() => reply).fetch(['c-1'])).rejects.toThrow(UpstreamResponseError);
  });

  test('a customer without a name is a wrong response', async () => {
    const upstream = customers(() => ({ customers: [{ ...ada, name: '' }] }));
    const message = (await upstream.fetch(['c-1'])).get('c-1');
    expect(() => message && upstream.toValue('c-1', message)).toThrow('c-1: the response has no name');
  });

  test.each([
    [Code.Unavailable, UpstreamUnavailableError],
    [Code.DeadlineExceeded, UpstreamUnavailableError],
    [Code.Canceled, UpstreamUnavailableError],
    [Code.Internal, UpstreamResponseError],
    [Code.InvalidArgument, UpstreamResponseError],
    [Code.ResourceExhausted, UpstreamResponseError],
  ])('code %i says whether waiting helps', async (code, kind) => {
    const upstream = customers(() => {
      throw new ConnectError('as told', code);
    });
    const failure = await upstream.fetch(['c-1']).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(kind);
    expect(String(failure)).toContain(`${Code[code]}: as told`);
  });
});

describe('products', () => {
  test('are asked for by id and by SKU in one call, and one response does for both', async () => {
    const { asked, upstream } = products({ products: [laptop], notFoundSkus: ['NO'] });
    const response = await upstream.fetch([byId('p-1'), bySku('LAPTOP001'), bySku('NO')]);
    expect(asked).toEqual([{ productIds: ['p-1'], skus: ['LAPTOP001', 'NO'] }]);
    expect([...response].map(([key, message]) => [key, message?.productId])).toEqual([
      ['product_id:p-1', 'p-1'],
      ['sku:LAPTOP001', 'p-1'],
      ['sku:NO', undefined],
    ]);
    const message = response.get('sku:LAPTOP001');
    expect(message && upstream.toValue(bySku('LAPTOP001'), message)).toEqual({
      productId: 'p-1',
      sku: 'LAPTOP001',
      name: 'Laptop',
      description: 'A laptop',
      price: 129_999n,
      retired: false,
      version: 2n,
    });
  });

  test.each([
    ['the price is in EUR, not USD', { price: toMoney(1n, 'EUR') }],
    ['the price is not an amount of money', { price: toMoney(-1n, 'USD') }],
    ['the price is above', { price: toMoney(10n ** 13n, 'USD') }],
    ['the response has state 0', { state: Product_State.UNSPECIFIED }],
    ['the response has no id or no name', { name: '' }],
    ['the response is about p-2', { productId: 'p-2' }],
  ])('"%s" makes a wrong response', async (problem, change) => {
    const { upstream } = products({ products: [laptop] });
    const message = (await upstream.fetch([byId('p-1')])).get('product_id:p-1');
    expect(() => message && upstream.toValue(byId('p-1'), { ...message, ...change })).toThrow(problem);
  });
});
