import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import { CancelReason } from '@orderflow/contracts/orderflow/order/event/v1/order_events';
import { Order_State } from '@orderflow/contracts/orderflow/order/v1/order';
import { errorReason, pageTokens, textKey } from '@orderflow/rpc';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EnrichedOrder } from '../src/domain/enriched-order.ts';
import type { Submission } from '../src/domain/submission.ts';
import { pageQuery } from '../src/outbound/postgres/order-reader.ts';
import type { OrderConditions, OrderKey } from '../src/ports.ts';
import { contentHashOf } from '../src/use-cases/content-hash.ts';
import { bySku, decide, line, submission } from './kit.ts';
import { runApi } from './running-api.ts';

let api: Awaited<ReturnType<typeof runApi>>;
beforeAll(async () => {
  api = await runApi();
});
afterAll(() => api?.[Symbol.asyncDispose]());

const reasonOf = (call: Promise<unknown>) =>
  call.then(
    () => 'none',
    (error: unknown) => errorReason(ConnectError.from(error)),
  );

/** Has the order decided, as the worker does when it has read it from Kafka. */
async function decideAs(sent: Submission, decision: EnrichedOrder | { invalid: string } = decide(sent)) {
  await api.store.decide([
    {
      orderId: sent.orderId,
      customerId: sent.customerId,
      cause: 'orders/2/17',
      traceparent: undefined,
      contentHash: contentHashOf({ submission: sent, bytes: Buffer.from('{}') }),
      submission: { value: Buffer.from('{}'), contentType: undefined },
      decision,
    },
  ]);
}
const getOrder = async (orderId: string) =>
  (await api.orders.getOrder({ orderId })).order ?? expect.fail('no order');

describe('GetOrder', () => {
  test('shows an accepted order with the products and prices of its decision', async () => {
    const reference = { case: 'productId' as const, value: 'p-1' };
    const quotedPrice = { currencyCode: 'USD', units: 900n, nanos: 0 };
    const lines = [{ reference, quantity: 2n, quotedPrice }];
    await api.orders.createOrder({ orderId: 'yes', customerId: 'c-1', lines });
    expect((await getOrder('yes')).state).toBe(Order_State.PENDING);
    const quoted = { amount: 90_000n, currency: 'USD' };
    await decideAs(submission({ orderId: 'yes', lines: [line({ quantity: 2, quotedPrice: quoted })] }));
    const order = await getOrder('yes');
    expect(order).toMatchObject({
      state: Order_State.ACCEPTED,
      version: 1n,
      lines: [
        {
          reference,
          quantity: 2n,
          productName: 'Product p-1',
          unitPrice: { units: 999n, nanos: 990_000_000 },
          quotedPrice,
          amount: { units: 1999n, nanos: 980_000_000 },
        },
      ],
      subtotal: { units: 1999n, nanos: 980_000_000 },
      tax: { units: 160n, nanos: 0 },
      total: { units: 2159n, nanos: 980_000_000, currencyCode: 'USD' },
      rejections: [],
    });
  });

  test('shows why an order was rejected', async () => {
    await decideAs(submission({ orderId: 'no', customerId: '' }));
    expect(await getOrder('no')).toMatchObject({
      state: Order_State.REJECTED,
      lines: [{ productName: 'Product p-1' }],
      rejections: [{ reason: 'CUSTOMER_ID_INVALID', field: 'customer_id' }],
    });
    expect((await getOrder('no')).total).toBeUndefined();
  });

  test('shows an order of a Kafka record that waits for a person, as it was sent', async () => {
    const sent = submission({ orderId: 'waits', lines: [line({ reference: bySku('ODD') })] });
    const value = JSON.stringify({
      orderId: 'waits',
      customerId: 'c-1',
      products: [
        { sku: 'ODD', quantity: 2, price: 9.99 },
        { productId: 'p-9', quantity: 0.5 },
      ],
    });
    await api.store.decide([
      {
        orderId: 'waits',
        customerId: 'c-1',
        cause: 'orders/0/1',
        traceparent: undefined,
        contentHash: contentHashOf({ submission: sent, bytes: Buffer.from(value) }),
        submission: { value: Buffer.from(value), contentType: undefined },
        decision: { invalid: 'sku:ODD: the response has no price' },
      },
    ]);
    expect(await getOrder('waits')).toMatchObject({
      state: Order_State.PENDING,
      needsAttention: 'ENRICHMENT_INVALID',
      lines: [
        {
          reference: { case: 'sku', value: 'ODD' },
          quantity: 2n,
          quotedPrice: { units: 9n, nanos: 990_000_000 },
        },
        { reference: { case: 'productId', value: 'p-9' }, quantity: 0n },
      ],
    });
  });

  test('shows how an order ended, and how a paid one stands', async () => {
    await decideAs(submission({ orderId: 'ended' }));
    await api.query(
      `update orders set state = 'CANCELLED', cancel_reason = 'PAYMENT_FAILED', cancel_detail = 'card_declined', version = 3
       where id = 'ended'`,
    );
    expect(await getOrder('ended')).toMatchObject({
      state: Order_State.CANCELLED,
      cancelReason: CancelReason.PAYMENT_FAILED,
      cancelDetail: 'card_declined',
      version: 3n,
    });
    await decideAs(submission({ orderId: 'paid' }));
    await api.query(
      `update orders set state = 'COMPLETED', transaction_id = 'tx-1', refunded = true where id = 'paid'`,
    );
    expect(await getOrder('paid')).toMatchObject({ transactionId: 'tx-1', refunded: true });
  });

  test('keeps the lines of an order that was cancelled before its decision', async () => {
    const lines = [{ reference: { case: 'sku' as const, value: 'LAPTOP001' }, quantity: 1n }];
    await api.orders.createOrder({ orderId: 'early', customerId: 'c-1', lines });
    const { order } = await api.orders.cancelOrder({ orderId: 'early', reason: 'changed my mind' });
    expect(order).toMatchObject({
      state: Order_State.CANCELLED,
      cancelReason: CancelReason.CLIENT_REQUEST,
      cancelDetail: 'changed my mind',
      lines,
    });
    expect(await getOrder('early')).toEqual(order);
  });

  test('says when there is no such order', async () => {
    const error = ConnectError.from(await api.orders.getOrder({ orderId: 'none' }).catch((reason) => reason));
    expect([error.code, errorReason(error)]).toEqual([Code.NotFound, 'ORDER_NOT_FOUND']);
  });
});

describe('GetOrderHistory', () => {
  test('returns every transition: when, why, by what', async () => {
    const lines = [{ reference: { case: 'productId' as const, value: 'p-1' }, quantity: 1n }];
    const headers = { 'x-caller-id': 'shop' };
    await api.orders.createOrder({ orderId: 'told', customerId: 'c-1', lines }, { headers });
    await decideAs(submission({ orderId: 'told' }));
    await api.orders.cancelOrder({ orderId: 'told' }, { headers });
    const { transitions } = await api.orders.getOrderHistory({ orderId: 'told' });
    expect(transitions).toMatchObject([
      { revision: 1n, state: Order_State.PENDING, cause: 'CreateOrder by shop', events: [] },
      {
        revision: 2n,
        state: Order_State.ACCEPTED,
        cause: 'orders/2/17',
        events: ['told/1 orderflow.order.event.v1.OrderAccepted'],
      },
      {
        revision: 3n,
        state: Order_State.CANCELLING,
        cause: 'CancelOrder by shop',
        events: ['told/2 orderflow.order.event.v1.OrderCancelRequested'],
      },
    ]);
  });

  test('numbers the events of a transition that published two', async () => {
    await decideAs(submission({ orderId: 'two' }));
    await api.query(
      `insert into order_history (order_id, revision, state, cause, version, event_types, create_time)
       values ('two', 2, 'CONFIRMED', 'payment-events/0/3', 3, '{OrderReserved,OrderConfirmed}', now())`,
    );
    const { transitions } = await api.orders.getOrderHistory({ orderId: 'two' });
    expect(transitions[1]?.events).toEqual([
      'two/2 orderflow.order.event.v1.OrderReserved',
      'two/3 orderflow.order.event.v1.OrderConfirmed',
    ]);
  });

  test('says when there is no such order', async () => {
    expect(await reasonOf(api.orders.getOrderHistory({ orderId: 'none' }))).toBe('ORDER_NOT_FOUND');
  });
});

describe('ListOrders', () => {
  const minute = (number: number) => new Date(Date.UTC(2026, 0, 1, 12, number, 0, 250));

  beforeAll(async () => {
    // Ten orders of each of two customers; two in every minute, so that the id decides.
    await api.query(`
      insert into orders (id, customer_id, content_hash, state, version, revision, needs_attention, total,
        create_time, update_time)
      select 'list-' || lpad(n::text, 2, '0'), 'list-' || n % 2, '', case when n % 5 = 0 then 'PENDING' else 'ACCEPTED' end,
        1, 1, case when n % 10 = 0 then 'UNDECIDED' end, n * 100,
        timestamptz '2026-01-01 12:00:00.250Z' + (n / 2) * interval '1 minute', now()
      from generate_series(0, 19) as n`);
  });
  const ids = (orders: readonly { orderId: string }[]) =>
    orders.map(({ orderId }) => Number(orderId.replace('list-', '')));
  const customerId = 'list-1';

  test('lists the newest first, with state and total but without lines', async () => {
    const { orders } = await api.orders.listOrders({ customerId, pageSize: 2 });
    expect(ids(orders)).toEqual([19, 17]);
    expect(orders[0]).toMatchObject({
      customerId,
      state: Order_State.ACCEPTED,
      total: { units: 19n, currencyCode: 'USD' },
      createTime: timestampFromDate(minute(9)),
      lines: [],
    });
  });

  test.each([
    ['of a customer', { customerId }, [19, 17, 15, 13, 11, 9, 7, 5, 3, 1]],
    ['of a customer in a state', { customerId, state: Order_State.PENDING }, [15, 5]],
    ['of a customer that need attention', { customerId: 'list-0', needsAttention: true }, [10, 0]],
    [
      'from a time on, and before another',
      { createTimeFrom: timestampFromDate(minute(2)), createTimeTo: timestampFromDate(minute(4)) },
      [7, 6, 5, 4],
    ],
    [
      'from a time between two milliseconds on',
      {
        createTimeFrom: { ...timestampFromDate(minute(2)), nanos: 250_000_001 },
        createTimeTo: { ...timestampFromDate(minute(3)), nanos: 250_000_001 },
      },
      [7, 6],
    ],
    ['of nobody', { customerId: 'nobody' }, []],
    [
      'from the first moment to the last',
      {
        customerId,
        createTimeFrom: { seconds: -62_135_596_800n, nanos: 0 },
        createTimeTo: { seconds: 253_402_300_799n, nanos: 999_999_999 },
      },
      [19, 17, 15, 13, 11, 9, 7, 5, 3, 1],
    ],
  ])('lists those %s', async (_, conditions, expected) => {
    const { orders, nextPageToken } = await api.orders.listOrders(conditions);
    expect([ids(orders), nextPageToken]).toEqual([expected, '']);
  });

  test('pages without gaps and repeats, also when orders come meanwhile', async () => {
    const conditions = {
      createTimeFrom: timestampFromDate(minute(0)),
      createTimeTo: timestampFromDate(minute(60)),
    };
    const seen: number[] = [];
    let pageToken = '';
    do {
      const page = await api.orders.listOrders({ ...conditions, pageSize: 3, pageToken });
      seen.push(...ids(page.orders));
      pageToken = page.nextPageToken;
      await api.query(
        `insert into orders (id, customer_id, content_hash, state, version, revision, create_time, update_time)
         values ('new-' || $1, 'c-1', '', 'PENDING', 0, 1, '2026-01-01 12:59:00Z', now())`,
        String(seen.length),
      );
    } while (pageToken !== '');
    expect(seen).toEqual(Array.from({ length: 20 }, (_, index) => 19 - index));
  });

  test('a page token is good for its list and its conditions only', async () => {
    const { nextPageToken: pageToken } = await api.orders.listOrders({ customerId, pageSize: 2 });
    expect(await reasonOf(api.orders.listOrders({ customerId, pageSize: 5, pageToken }))).toBe('none');
    const made = pageTokens<[string, string, string]>('orders', textKey, textKey, textKey);
    const wrong = [
      { customerId: 'list-0', pageToken },
      { customerId, state: Order_State.PENDING, pageToken },
      { customerId, needsAttention: true, pageToken },
      { customerId, createTimeFrom: timestampFromDate(minute(0)), pageToken },
      { customerId, pageToken: `${pageToken}A` },
      { customerId, pageToken: pageTokens<[string]>('stock', textKey).encode(['p-1']) },
      { customerId, pageToken: made.encode(['', 'yesterday', 'o-1']) },
      { pageToken: 'uMJa6A-nupdudWxs' },
    ];
    expect(await Promise.all(wrong.map((request) => reasonOf(api.orders.listOrders(request))))).toEqual(
      wrong.map(() => 'PAGE_TOKEN_INVALID'),
    );
  });

  test.each([
    ['a page size out of range', { pageSize: 1001 }],
    ['a negative page size', { pageSize: -1 }],
    ['a state that does not exist', { state: 99 as Order_State }],
    ['a time that no calendar has', { createTimeFrom: { seconds: 2n ** 62n, nanos: 0 } }],
    ['a time before its own second', { createTimeFrom: { seconds: 1_700_000_000n, nanos: -1 } }],
    ['a time of more than a second', { createTimeTo: { seconds: 1_700_000_000n, nanos: 2 ** 31 - 1 } }],
    ['a NUL character', { customerId: '\0' }],
  ])('%s is refused', async (_, request) => {
    expect(await reasonOf(api.orders.listOrders(request))).toBe('INVALID_REQUEST');
  });

  test.each(['{"state":"STATE_PENDNG"}', '{"createTimeFrom":"2025-02-30T00:00:00Z"}'])(
    'JSON with a name or a date that does not exist lists nothing: %s',
    async (body) => {
      const response = await fetch(`${api.baseUrl}/orderflow.order.v1.OrderService/ListOrders`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
      expect([response.status, await response.json()]).toMatchObject([400, { code: 'invalid_argument' }]);
    },
  );

  test('reads a page of many orders from an index, in order', async () => {
    await api.query(`
      insert into orders (id, customer_id, content_hash, state, version, revision, create_time, update_time)
      select 'many-' || n, 'many-' || n % 4, '', case when n <= 10 then 'CANCELLING' else 'COMPLETED' end, 1, 1,
        timestamptz '2025-01-01Z' + n * interval '1 second', now()
      from generate_series(1, 20000) as n`);
    await api.query('analyze orders');
    const plan = async (conditions: Partial<OrderConditions>, after?: OrderKey) => {
      const { sql, parameters } = pageQuery({ needsAttention: false, ...conditions }, after, 51);
      const rows = await api.query<Record<string, string>>(`explain ${sql}`, ...parameters);
      return rows.flatMap((row) => Object.values(row)).join('\n');
    };
    const after = { createTime: new Date('2025-01-01T03:00:00Z'), orderId: 'many-7' };
    const inOrderOf = (index: string) =>
      new RegExp(`^Limit.*\n.*Index (Only )?Scan Backward using ${index} `);
    expect(await plan({})).toMatch(inOrderOf('orders_create_time'));
    expect(await plan({}, after)).toMatch(inOrderOf('orders_create_time'));
    expect(await plan({ state: 'COMPLETED' }, after)).toMatch(inOrderOf('orders_state_create_time'));
    expect(await plan({ customerId: 'many-1' }, after)).toMatch(inOrderOf('orders_customer'));

    // Few, and the oldest: a scan of the index of times would read all 20,000.
    for (const conditions of [{ state: 'CANCELLING' }, { needsAttention: true }] as const) {
      const { sql, parameters } = pageQuery({ needsAttention: false, ...conditions }, undefined, 51);
      const explain = `explain (analyze, buffers, format json) ${sql}`;
      const [row] = await api.query<{ 'QUERY PLAN': { Plan: Record<string, number> }[] }>(
        explain,
        ...parameters,
      );
      const { 'Shared Hit Blocks': hit = 1e6, 'Shared Read Blocks': read = 1e6 } =
        row?.['QUERY PLAN'][0]?.Plan ?? {};
      expect(hit + read, JSON.stringify(conditions)).toBeLessThan(60);
    }
  });
});
