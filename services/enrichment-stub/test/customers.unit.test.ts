import { expect, test } from 'vitest';
import { newCustomer } from '../src/domain/customer.ts';
import type { RefusalReason } from '../src/domain/refusal.ts';
import { batchGetCustomers } from '../src/use-cases/batch-get-customers.ts';
import { createCustomer } from '../src/use-cases/create-customer.ts';
import { getCustomer } from '../src/use-cases/get-customer.ts';
import { putCustomer } from '../src/use-cases/put-customer.ts';
import { updateCustomer } from '../src/use-cases/update-customer.ts';
import { inMemoryCustomers } from './in-memory-customers.ts';

const then = new Date('2026-01-01T00:00:00Z');
const now = new Date('2026-02-02T00:00:00Z');
const ada = { name: 'Ada Chen', email: 'ada@example.com', address: '1 Mill Lane', active: true };
const grace = { name: 'Grace Bauer', email: 'grace@example.com', address: '', active: false };

function setUp(...ids: string[]) {
  const store = inMemoryCustomers(ids.map((id) => newCustomer(id, ada, then)));
  return { ...store, dependencies: { transaction: store.transaction, now: () => now } };
}

const refused = (reason: RefusalReason) => expect.objectContaining({ name: 'Refusal', reason });

test('a new customer starts at version 1 and is published', async () => {
  const { dependencies, reader, published } = setUp();
  const customer = await createCustomer(dependencies, 'c-1', ada);
  expect(customer).toEqual({ customerId: 'c-1', ...ada, version: 1n, createTime: now, updateTime: now });
  expect(await getCustomer(reader, 'c-1')).toEqual(customer);
  expect(published).toEqual([customer]);
});

test('an id that is taken is refused, and nothing is published', async () => {
  const { dependencies, reader, published } = setUp('c-1');
  await expect(createCustomer(dependencies, 'c-1', grace)).rejects.toEqual(
    refused('CUSTOMER_ALREADY_EXISTS'),
  );
  expect((await getCustomer(reader, 'c-1')).name).toBe('Ada Chen');
  expect(published).toEqual([]);
});

test('an update replaces the content, raises the version and is published', async () => {
  const { dependencies, published } = setUp('c-1');
  const update = { customerId: 'c-1', content: grace, expectedVersion: 1n };
  const customer = await updateCustomer(dependencies, update);
  const { address } = ada;
  const times = { createTime: then, updateTime: now };
  expect(customer).toEqual({ customerId: 'c-1', ...grace, address, version: 2n, ...times });
  expect(published).toEqual([customer]);
});

test('an update that changes nothing raises the version, too', async () => {
  const { dependencies, published } = setUp('c-1');
  const update = { customerId: 'c-1', content: ada, expectedVersion: 0n };
  expect((await updateCustomer(dependencies, update)).version).toBe(2n);
  expect((await updateCustomer(dependencies, update)).version).toBe(3n);
  expect(published.map((customer) => customer.version)).toEqual([2n, 3n]);
});

test('an update of a version that is not the current one is refused', async () => {
  const { dependencies, reader } = setUp('c-1');
  const update = { customerId: 'c-1', content: grace, expectedVersion: 7n };
  await expect(updateCustomer(dependencies, update)).rejects.toMatchObject({
    reason: 'VERSION_MISMATCH',
    metadata: { customer_id: 'c-1', current_version: '1', given_version: '7' },
  });
  expect((await getCustomer(reader, 'c-1')).version).toBe(1n);
});

test('an update without an address leaves the present one', async () => {
  const { dependencies } = setUp('c-1');
  const update = { customerId: 'c-1', content: grace, expectedVersion: 0n };
  expect((await updateCustomer(dependencies, update)).address).toBe(ada.address);
});

test.for([undefined, true, false])('a customer that is put is created, active: %s', async (active) => {
  const { dependencies, reader, published } = setUp();
  const put = { customerId: 'c-1', content: { ...grace, active }, expectedVersion: 0n };
  const customer = await putCustomer(dependencies, put);
  expect(customer).toEqual({
    ...{ customerId: 'c-1', ...grace, active: active ?? true, version: 1n },
    ...{ createTime: now, updateTime: now },
  });
  expect(await getCustomer(reader, 'c-1')).toEqual(customer);
  expect(published).toEqual([customer]);
});

test('one that exists is replaced as a whole, but stays inactive unless it is said', async () => {
  const { dependencies, published } = setUp('c-1');
  const put = (active: boolean | undefined) =>
    putCustomer(dependencies, { customerId: 'c-1', content: { ...grace, active }, expectedVersion: 0n });
  const replaced = { customerId: 'c-1', ...grace, createTime: then, updateTime: now };
  expect(await put(false)).toEqual({ ...replaced, active: false, version: 2n });
  expect(await put(undefined)).toEqual({ ...replaced, active: false, version: 3n });
  expect(await put(true)).toEqual({ ...replaced, active: true, version: 4n });
  expect(published.map(({ version }) => version)).toEqual([2n, 3n, 4n]);
});

test.for([
  ['c-1', '1'],
  ['c-9', '0'],
] as const)('a put with a version that %s does not have is refused', async ([customerId, current]) => {
  const { dependencies, published } = setUp('c-1');
  await expect(
    putCustomer(dependencies, { customerId, content: grace, expectedVersion: 7n }),
  ).rejects.toMatchObject({ reason: 'VERSION_MISMATCH', metadata: { current_version: current } });
  expect(published).toEqual([]);
});

test('an unknown customer can neither be read nor updated', async () => {
  const { dependencies, reader } = setUp();
  const update = { customerId: 'c-9', content: grace, expectedVersion: 0n };
  await expect(getCustomer(reader, 'c-9')).rejects.toEqual(refused('CUSTOMER_NOT_FOUND'));
  await expect(updateCustomer(dependencies, update)).rejects.toEqual(refused('CUSTOMER_NOT_FOUND'));
});

test('a batch returns every id once, repeated or unknown', async () => {
  const { reader } = setUp('c-1', 'c-2');
  const { found, notFoundIds } = await batchGetCustomers(reader, ['c-2', 'c-9', 'c-2', 'c-9', 'c-1']);
  expect(found.map((customer) => customer.customerId).sort()).toEqual(['c-1', 'c-2']);
  expect(notFoundIds).toEqual(['c-9']);
});
