import type { Person } from '@orderflow/local/tokens';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reasonToSkipGo } from '../src/go.ts';
import { type Side, startTwoServers, type TwoServers } from '../src/two-servers.ts';

const skipped = reasonToSkipGo();
if (skipped) console.warn(`Skipped: ${skipped}`);

const ann = { role: 'operator', subject: 'ann' } as const satisfies Person;

describe.skipIf(skipped !== undefined)('the enrichment contract, served by Go as by the stub', () => {
  let both: TwoServers;
  let options: { headers: Record<string, string> };

  beforeAll(async () => {
    both = await startTwoServers();
    options = await both.as(ann);
  }, 900_000);

  afterAll(() => both?.[Symbol.asyncDispose]());

  test('reads customers', async () => {
    for (const customerId of ['c-1', 'c-50', 'c-5000', 'c-0', 'nul\0', 'é'.repeat(100)]) {
      await both.same(({ customers }) => customers.getCustomer({ customerId }, options));
    }
    const customerIds = ['c-200', 'c-1', 'unknown', 'c-1', "c'", 'nul\0', 'é', 'unknown'];
    const batch = await both.same(({ customers }) => customers.batchGetCustomers({ customerIds }, options));
    expect(batch).toMatchObject({
      customers: [
        { customerId: 'c-1', active: true },
        { customerId: 'c-200', active: false },
      ],
      notFoundCustomerIds: ['unknown', "c'", 'nul\0', 'é'],
    });
    for (const pageSize of [0, 1, 1000]) {
      await both.same(({ customers }) => customers.listCustomers({ pageSize }, options));
    }
  });

  test('reads products', async () => {
    for (const value of ['p-1', 'p-50', 'p-2000', 'LAPTOP001', 'SKU02000', 'nul\0']) {
      for (const name of ['productId', 'sku'] as const) {
        await both.same(({ products }) => products.getProduct({ reference: { case: name, value } }, options));
      }
    }
    const names = {
      productIds: ['p-50', 'p-1', 'p-0', 'p-1'],
      skus: ['LAPTOP001', 'MOUSE001', 'none', 'nul\0'],
    };
    const batch = await both.same(({ products }) => products.batchGetProducts(names, options));
    expect(batch).toMatchObject({
      products: [
        { productId: 'p-1', price: { units: '1299n', nanos: 990_000_000 } },
        { productId: 'p-2' },
        { productId: 'p-50', sku: 'SKU00050' },
      ],
      notFoundProductIds: ['p-0'],
      notFoundSkus: ['none', 'nul\0'],
    });
  });

  test('lists every product once; a token of the one is good at the other, and for its list only', async () => {
    let pageToken = '';
    let count = 0;
    do {
      const page = await both.same(({ products }) =>
        products.listProducts({ pageSize: 300, pageToken }, options),
      );
      const { products, nextPageToken } = page as { products: object[]; nextPageToken: string };
      if (nextPageToken !== '') {
        await both.same(({ customers }) => customers.listCustomers({ pageToken: nextPageToken }, options));
      }
      pageToken = nextPageToken;
      count += products.length;
    } while (pageToken !== '');
    expect(count).toBe(2000);
    for (const garbage of ['garbage', 'YWJj', '='.repeat(512)]) {
      await both.same(({ products }) => products.listProducts({ pageToken: garbage }, options));
    }
  });

  const tooLong = 'x'.repeat(257);
  const sku = { case: 'sku', value: '' } as const;
  test.for<[string, (side: Side) => Promise<object>]>([
    ['no id', ({ customers }) => customers.getCustomer({}, options)],
    ['a long id', ({ customers }) => customers.getCustomer({ customerId: tooLong }, options)],
    ['an empty batch', ({ customers }) => customers.batchGetCustomers({}, options)],
    [
      'a batch in which each id is wrong',
      ({ customers }) => customers.batchGetCustomers({ customerIds: Array(200).fill('') }, options),
    ],
    ['no reference', ({ products }) => products.getProduct({}, options)],
    ['an empty SKU', ({ products }) => products.getProduct({ reference: sku }, options)],
    [
      'a batch of two kinds that is too large together',
      ({ products }) =>
        products.batchGetProducts({ productIds: Array(150).fill('p'), skus: Array(51).fill('s') }, options),
    ],
    ['a page of 1001', ({ products }) => products.listProducts({ pageSize: 1001 }, options)],
    ['a negative page', ({ customers }) => customers.listCustomers({ pageSize: -1 }, options)],
    ['no customer', ({ customers }) => customers.createCustomer({}, options)],
    [
      'four wrong fields',
      ({ customers }) =>
        customers.createCustomer(
          { customer: { customerId: 'not an id', email: 'nowhere', version: -1n } },
          options,
        ),
    ],
    [
      'a name with a NUL',
      ({ customers }) => customers.putCustomer({ customer: { customerId: 'c-n', name: '\0' } }, options),
    ],
    [
      'a request id with a NUL',
      ({ customers }) =>
        customers.putCustomer({ customer: { customerId: 'c-n', name: 'N' }, requestId: '\0' }, options),
    ],
  ])('refuses %s, and names every field', async ([, call]) => {
    expect(await both.same(call)).toMatchObject({ reason: 'INVALID_REQUEST' });
  });

  test('creates, updates and puts customers, with versions', async () => {
    const customer = { customerId: 'c-new', name: 'New', email: 'new@example.com', active: true };
    const create = (side: Side) =>
      side.customers.createCustomer({ customer: { ...customer, version: 9n } }, options);
    expect(await both.same(create)).toMatchObject({ customer: { ...customer, version: '1n' } });
    expect(await both.same(create)).toMatchObject({ reason: 'CUSTOMER_ALREADY_EXISTS' });
    const update = (change: object) =>
      both.same(({ customers }) =>
        customers.updateCustomer({ customer: { ...customer, ...change } }, options),
      );
    await update({ address: '1 Mill Lane', version: 1n });
    expect(await update({ name: 'Newer' })).toMatchObject({
      customer: { address: '1 Mill Lane', version: '3n' },
    });
    expect(await update({ version: 1n })).toMatchObject({ reason: 'VERSION_MISMATCH' });
    expect(await update({ customerId: 'c-none' })).toMatchObject({ reason: 'CUSTOMER_NOT_FOUND' });

    const put = (change: object) =>
      both.same(({ customers }) =>
        customers.putCustomer({ customer: { customerId: 'c-put', name: 'Put', ...change } }, options),
      );
    expect(await put({ version: 1n })).toMatchObject({ reason: 'VERSION_MISMATCH' });
    await put({ address: '1 Mill Lane' });
    await put({ active: false, email: 'put@example.com' });
    expect(await put({ version: 2n })).toMatchObject({
      customer: { active: false, address: '', email: '', version: '3n' },
    });
    expect(await put({ version: 2n })).toMatchObject({ reason: 'VERSION_MISMATCH' });
  });

  test('a repeated call has the stored response, before any other check, and belongs to its caller', async () => {
    const customer = { customerId: 'c-7', name: 'New Name', active: true, version: 1n };
    const update = (name: string, headers = options) =>
      both.same(({ customers }) =>
        customers.updateCustomer({ customer: { ...customer, name }, requestId: 'rename' }, headers),
      );
    const first = await update('New Name');
    await both.same(({ customers }) =>
      customers.putCustomer({ customer: { customerId: 'c-7', name: 'X' } }, options),
    );
    expect(await update('New Name')).toEqual(first);
    expect(await update('Another')).toMatchObject({ reason: 'REQUEST_ID_REUSED' });
    // Of an operator it proves nothing.
    expect(await update('New Name', await both.as(ann, { 'x-caller-id': 'bob' }))).toEqual(first);
    const bob = await both.as({ role: 'operator', subject: 'bob' });
    expect(await update('New Name', bob)).toMatchObject({ reason: 'VERSION_MISMATCH' });
    // A call that was refused is evaluated again.
    await both.same(({ customers }) =>
      customers.createCustomer({ customer: { customerId: 'c-late', name: 'L' } }, options),
    );
  });

  test('customers read themselves and products, and nothing else', async () => {
    const c1 = await both.as({ role: 'customer', subject: 'c-1' });
    const batch = { customerIds: ['c-1'] };
    expect(await both.same(({ customers }) => customers.getCustomer({}, c1))).toMatchObject({
      customer: { customerId: 'c-1' },
    });
    await both.same(({ customers }) => customers.getCustomer({ customerId: 'c-1' }, c1));
    for (const call of [
      ({ customers }: Side) => customers.getCustomer({ customerId: 'c-2' }, c1),
      ({ customers }: Side) => customers.batchGetCustomers(batch, c1),
      ({ customers }: Side) => customers.listCustomers({}, c1),
      ({ customers }: Side) => customers.createCustomer({}, c1),
      ({ customers }: Side) => customers.updateCustomer({}, c1),
      ({ customers }: Side) => customers.putCustomer({}, c1),
    ]) {
      expect(await both.same(call)).toMatchObject({ reason: 'PERMISSION_DENIED' });
    }
    await both.same(({ products }) => products.listProducts({ pageSize: 1 }, c1));
    await both.same(({ products }) => products.batchGetProducts({ skus: ['LAPTOP001'] }, c1));
  });

  test('tokens that are missing or not good are UNAUTHENTICATED, and it is said why', async () => {
    const good = options.headers['authorization'] ?? '';
    const [header, payload] = good.replace('Bearer ', '').split('.');
    const none = Buffer.from('{"alg":"none"}').toString('base64url');
    const authorizations = [
      undefined,
      'Bearer',
      `${good} ${good}`,
      good.replace('Bearer', 'Basic'),
      'Bearer x',
      `Bearer ${'x'.repeat(8193)}`,
      `Bearer ${none}.${payload}.`,
      `Bearer ${header}.${payload}.AAAA`,
    ];
    for (const authorization of authorizations) {
      const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
      const got = await both.same(({ customers }) =>
        customers.getCustomer({ customerId: 'c-1' }, { headers }),
      );
      expect(got).toMatchObject({ reason: 'UNAUTHENTICATED' });
    }
  });
});
