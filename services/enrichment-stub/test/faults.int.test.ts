import type { MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { Code, type ConnectError } from '@connectrpc/connect';
import { Fault_Kind, type FaultSchema } from '@orderflow/contracts/orderflow/testing/v1/fault_service';
import { errorReason } from '@orderflow/rpc';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { runStub, testConfig } from './running-stub.ts';

let stub: Awaited<ReturnType<typeof runStub>>;
/** What the next dice show, from 0 up to 1. */
let dice = 0;

beforeAll(async () => {
  stub = await runStub(testConfig(), { random: () => dice });
});
afterAll(() => stub.stop());
beforeEach(async () => {
  dice = 0;
  await stub.faults.resetCallCounts({});
});
afterEach(() => stub.faults.clearFaults({}));

const setFault = (fault: MessageInitShape<typeof FaultSchema>) => stub.faults.setFault({ fault });

const getCustomer = (customerId: string, timeoutMs = 5000) =>
  stub.customers.getCustomer({ customerId }, { timeoutMs });

/** How the call fails. */
async function failure(call: Promise<unknown>): Promise<ConnectError> {
  return call.then(
    () => expect.unreachable('the call should have failed'),
    (error: ConnectError) => error,
  );
}

async function elapsedMs(call: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await call();
  return performance.now() - began;
}

test('latency delays the response, evenly between its limits', async () => {
  // So far apart that a busy machine does not take one for the other.
  const limits = { minLatency: durationFromMs(100), maxLatency: durationFromMs(2_900) };
  await setFault({ method: 'GetCustomer', ...limits });
  const fastest = await elapsedMs(() => getCustomer('c-1'));
  dice = 0.5;
  const middle = await elapsedMs(() => getCustomer('c-1'));
  expect(fastest).toBeGreaterThanOrEqual(99);
  expect(fastest).toBeLessThan(1_400);
  expect(middle).toBeGreaterThanOrEqual(1_499);
  await setFault({ method: 'GetCustomer', minLatency: durationFromMs(200) });
  expect(await elapsedMs(() => getCustomer('c-1'))).toBeGreaterThanOrEqual(199);
});

test('errors come at their rate, with their code', async () => {
  await setFault({ method: 'GetCustomer', errorRate: 0.3, errorCode: Code.ResourceExhausted });
  dice = 0.29;
  const error = await failure(getCustomer('c-1'));
  expect([error.code, errorReason(error)]).toEqual([Code.ResourceExhausted, 'FAULT_INJECTED']);
  dice = 0.3;
  expect((await getCustomer('c-1')).customer?.customerId).toBe('c-1');
});

test('a refused call is UNAVAILABLE to its caller', async () => {
  await setFault({ method: 'GetCustomer', kind: Fault_Kind.REFUSE });
  expect((await failure(getCustomer('c-1'))).code).toBe(Code.Unavailable);
});

test('a hanging call ends by the time limit of its caller', async () => {
  await setFault({ method: 'GetCustomer', kind: Fault_Kind.HANG });
  let error: ConnectError | undefined;
  const waited = await elapsedMs(async () => {
    error = await failure(getCustomer('c-1', 300));
  });
  expect(error?.code).toBe(Code.DeadlineExceeded);
  expect(waited).toBeGreaterThanOrEqual(290);
});

test('wrong data: a customer without a name, a product with a negative price in no currency', async () => {
  await setFault({ method: 'GetCustomer', kind: Fault_Kind.WRONG_DATA });
  await setFault({ method: 'GetProduct', kind: Fault_Kind.WRONG_DATA });
  expect((await getCustomer('c-1')).customer).toMatchObject({ customerId: 'c-1', name: '' });
  const { product } = await stub.products.getProduct({ reference: { case: 'sku', value: 'CHAIR001' } });
  expect(product).toMatchObject({ productId: 'p-3', price: { currencyCode: '', units: -1n } });
});

test('wrong id: the response is about another customer', async () => {
  await setFault({ method: 'BatchGetCustomers', kind: Fault_Kind.WRONG_ID });
  await setFault({ method: 'BatchGetProducts', kind: Fault_Kind.WRONG_ID });
  const { customers } = await stub.customers.batchGetCustomers({ customerIds: ['c-1'] });
  expect(customers.map((customer) => customer.customerId)).toEqual(['not-c-1']);
  const { products } = await stub.products.batchGetProducts({ productIds: ['p-1'] });
  expect(products.map(({ productId, sku }) => [productId, sku])).toEqual([['not-p-1', 'NOT-LAPTOP001']]);
});

test('a huge reply is more than the caller reads', async () => {
  await setFault({ method: 'ListProducts', kind: Fault_Kind.HUGE_REPLY });
  const error = await failure(stub.products.listProducts({ pageSize: 2 }));
  expect(error.code).toBe(Code.ResourceExhausted);
});

test('a fault limited to ids hits only calls for them, and spoils only them', async () => {
  const ids = ['c-2', 'MOUSE001'];
  await setFault({ method: 'BatchGetCustomers', kind: Fault_Kind.WRONG_DATA, ids });
  await setFault({ method: 'BatchGetProducts', kind: Fault_Kind.WRONG_DATA, ids });
  await setFault({ method: 'GetCustomer', kind: Fault_Kind.REFUSE, ids });
  const { customers } = await stub.customers.batchGetCustomers({ customerIds: ['c-1', 'c-2', 'c-3'] });
  expect(customers.filter((customer) => customer.name === '').map((one) => one.customerId)).toEqual(['c-2']);
  const { products } = await stub.products.batchGetProducts({ productIds: ['p-1'], skus: ['MOUSE001'] });
  const spoiled = products.filter((product) => product.price?.currencyCode === '');
  expect(spoiled.map((product) => product.productId)).toEqual(['p-2']);
  expect((await getCustomer('c-1')).customer?.customerId).toBe('c-1');
  expect((await failure(getCustomer('c-2'))).code).toBe(Code.Unavailable);
});

test('faults are listed, replaced and cleared, and one method leaves the others alone', async () => {
  await setFault({ method: 'GetCustomer', kind: Fault_Kind.HANG });
  await setFault({ method: 'GetCustomer', kind: Fault_Kind.REFUSE });
  const { faults } = await stub.faults.listFaults({});
  expect(faults.map((fault) => [fault.method, fault.kind])).toEqual([['GetCustomer', Fault_Kind.REFUSE]]);
  expect((await stub.customers.batchGetCustomers({ customerIds: ['c-1'] })).customers).toHaveLength(1);
  await stub.faults.clearFaults({});
  expect((await stub.faults.listFaults({})).faults).toEqual([]);
  expect((await getCustomer('c-1')).customer?.customerId).toBe('c-1');
});

test.each<[string, MessageInitShape<typeof FaultSchema>]>([
  ['of an unknown method', { method: 'GetNobody' }],
  ['with errors of no code', { method: 'GetCustomer', errorRate: 0.5 }],
  ['of more than every call', { method: 'GetCustomer', errorRate: 2, errorCode: 14 }],
  ['that responds before it was called', { method: 'GetCustomer', minLatency: durationFromMs(-1) }],
  [
    'with less at most than at least',
    { method: 'GetCustomer', minLatency: durationFromMs(2), maxLatency: durationFromMs(1) },
  ],
])('a fault %s is refused', async (_, fault) => {
  expect(errorReason(await failure(setFault(fault)))).toBe('INVALID_REQUEST');
  expect((await stub.faults.listFaults({})).faults).toEqual([]);
});

test('calls are counted by method and by id, also those that fail', async () => {
  await setFault({ method: 'GetCustomer', kind: Fault_Kind.REFUSE });
  await failure(getCustomer('c-1'));
  await stub.customers.batchGetCustomers({ customerIds: ['c-1', 'c-2'] });
  await stub.products.batchGetProducts({ productIds: ['p-1'], skus: ['MOUSE001'] });
  await stub.products.listProducts({});
  const { calls, ids } = await stub.faults.getCallCounts({});
  expect(calls).toEqual({ GetCustomer: 1n, BatchGetCustomers: 1n, BatchGetProducts: 1n, ListProducts: 1n });
  expect(ids).toEqual({ 'c-1': 2n, 'c-2': 1n, 'p-1': 1n, MOUSE001: 1n });
  await stub.faults.resetCallCounts({});
  expect(await stub.faults.getCallCounts({})).toMatchObject({ calls: {}, ids: {} });
});
