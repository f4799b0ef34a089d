import { ConnectError } from '@connectrpc/connect';
import { Order_State } from '@orderflow/contracts/orderflow/order/v1/order';
import { errorInfo } from '@orderflow/rpc';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runApi } from './running-api.ts';

let api: Awaited<ReturnType<typeof runApi>>;
beforeAll(async () => {
  api = await runApi();
});
afterAll(() => api?.[Symbol.asyncDispose]());

const refusalOf = async (call: Promise<unknown>) => {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => ConnectError.from(reason),
  );
  const { reason, metadata } = errorInfo(error) ?? {};
  return { reason, metadata };
};
const query = (sql: string) => api.query<{ n: number }>(sql);

test('CancelOrder repeated with its request id gives the first response, however the order stands by then', async () => {
  await api.place('twice');
  const request = { orderId: 'twice', reason: 'changed my mind', requestId: 'r-1' };
  const responses = await Promise.all(Array.from({ length: 10 }, () => api.orders.cancelOrder(request)));
  expect(responses[0]?.order?.state).toBe(Order_State.CANCELLED);
  for (const response of responses) expect(response).toEqual(responses[0]);
  const [transitions] = await query("select count(*)::int as n from order_history where order_id = 'twice'");
  expect(transitions?.n).toBe(2);

  await query("update orders set cancel_detail = 'something else' where id = 'twice'");
  expect(await api.orders.cancelOrder(request)).toEqual(responses[0]);
  expect(await refusalOf(api.orders.cancelOrder({ ...request, orderId: 'other' }))).toMatchObject({
    reason: 'REQUEST_ID_REUSED',
  });
});

test('CancelOrder of an order that cannot be cancelled any more says how it stands', async () => {
  await api.place('paid');
  await query("update orders set state = 'CONFIRMED' where id = 'paid'");
  expect(await refusalOf(api.orders.cancelOrder({ orderId: 'paid', requestId: 'r-2' }))).toEqual({
    reason: 'ORDER_NOT_CANCELLABLE',
    metadata: { order_id: 'paid', state: 'CONFIRMED' },
  });
  expect(await refusalOf(api.orders.cancelOrder({ orderId: 'nobody' }))).toMatchObject({
    reason: 'ORDER_NOT_FOUND',
  });
});

test('RetryOrder clears the attention and sends an undecided order again, once for each request id', async () => {
  await api.place('odd');
  expect(await refusalOf(api.orders.retryOrder({ orderId: 'odd' }))).toMatchObject({
    reason: 'ORDER_NEEDS_NO_ATTENTION',
  });
  await query("update orders set needs_attention = 'UNDECIDED' where id = 'odd'");
  const request = { orderId: 'odd', requestId: 'r-3' };
  const first = await api.orders.retryOrder(request);
  expect(first.order).toMatchObject({ state: Order_State.PENDING, needsAttention: '' });
  expect(await api.orders.retryOrder(request)).toEqual(first);
  // What CreateOrder has sent, and once more: the same bytes.
  const [outbox] = await query(
    "select count(*)::int as n from outbox where key = 'odd' group by topic, value",
  );
  expect(outbox?.n).toBe(2);
});
