import { Order_State } from '@orderflow/contracts/orderflow/order/v1/order';
import { eventually, testStack } from '@orderflow/testing';
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runApi } from './running-api.ts';

let api: Awaited<ReturnType<typeof runApi>>;
beforeAll(async () => {
  api = await runApi({}, ['api', 'relay', 'worker', 'view', 'saga']);
});
afterAll(() => api?.[Symbol.asyncDispose]());

const line = (productId: string, quantity: bigint) => ({
  reference: { case: 'productId' as const, value: productId },
  quantity,
});
const stateOf = async (orderId: string) => (await api.orders.getOrder({ orderId })).order?.state;

test('one process with every role takes an order over RPC, decides it and shows it', async () => {
  const lines = [line('p-1', 2n)];
  await api.orders.createOrder({ orderId: 'whole-way', customerId: 'c-1', lines });
  await eventually(async () => expect(await stateOf('whole-way')).toBe(Order_State.ACCEPTED));
  const { order } = await api.orders.getOrder({ orderId: 'whole-way' });
  expect(order).toMatchObject({ version: 1n, lines: [{ productName: 'Product p-1', quantity: 2n }] });

  const { transitions } = await api.orders.getOrderHistory({ orderId: 'whole-way' });
  expect(transitions).toMatchObject([
    { state: Order_State.PENDING, cause: 'CreateOrder by anonymous' },
    { state: Order_State.ACCEPTED, cause: expect.stringMatching(/^orders\/\d\/\d+$/) },
  ]);
  const mongo = await MongoClient.connect(testStack().urls.MONGO_URL);
  const documents = mongo
    .db(`${api.config.databasePrefix}orderflow`)
    .collection<{ _id: string; progress?: { state: string } }>('orders');
  await eventually(async () => {
    expect((await documents.findOne({ _id: 'whole-way' }))?.progress?.state).toBe('ACCEPTED');
  });
  await mongo.close();
  await eventually(async () => expect(await api.query('select 1 from outbox')).toEqual([]));
});

test('an order whose precheck timed out is rejected when it is decided', async () => {
  api.enrichment.state.down = true;
  api.inventory.state.down = true;
  const quotedPrice = { units: -1n, currencyCode: 'USD' };
  const { order } = await api.orders.createOrder({
    orderId: 'late-no',
    customerId: 'c-none',
    lines: [{ ...line('p-2', 1n), quotedPrice }],
  });
  expect(order?.state).toBe(Order_State.PENDING);
  api.enrichment.state.down = false;
  await eventually(async () => expect(await stateOf('late-no')).toBe(Order_State.REJECTED), {
    timeoutMs: 30_000,
  });
  const { order: rejected } = await api.orders.getOrder({ orderId: 'late-no' });
  expect(rejected?.rejections.map(({ reason }) => reason)).toEqual([
    'CUSTOMER_NOT_FOUND',
    'QUOTED_PRICE_INVALID',
  ]);
});
