import { fromBinary } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { BadRequestSchema, PreconditionFailureSchema } from '@orderflow/contracts/google/rpc/error_details';
import { OrderSubmittedSchema } from '@orderflow/contracts/orderflow/order/event/v1/order_submitted';
import { Order_State } from '@orderflow/contracts/orderflow/order/v1/order';
import type { CreateOrderRequest } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { errorInfo } from '@orderflow/rpc';
import { eventually } from '@orderflow/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { contentHashOf } from '../src/use-cases/content-hash.ts';
import { submission, line as submittedLine } from './kit.ts';
import { as, runApi } from './running-api.ts';

let api: Awaited<ReturnType<typeof runApi>>;
beforeAll(async () => {
  api = await runApi({}, ['api'], { checkLimitMs: 10_000 });
});
afterAll(() => api?.[Symbol.asyncDispose]());
beforeEach(() => {
  api.enrichment.state.down = false;
  api.inventory.state.down = false;
  api.inventory.state.responses = Promise.resolve();
  api.inventory.available.set('p-1', 15n);
});

type Request = Partial<Pick<CreateOrderRequest, 'orderId' | 'customerId' | 'validateOnly' | 'requestId'>> & {
  lines?: object[];
};
const line = (productId = 'p-1', quantity = 1n, more: object = {}) => ({
  reference: { case: 'productId' as const, value: productId },
  quantity,
  ...more,
});
const sku = (value: string, quantity = 1n) => ({ reference: { case: 'sku' as const, value }, quantity });

const create = (request: Request = {}, callerId = 'shop', orders = api.orders) =>
  orders
    .createOrder({ customerId: 'c-1', lines: [line()], ...request }, as(callerId))
    .then(({ order }) => order ?? expect.fail('the answer has no order'));

async function refusalOf(call: Promise<unknown>) {
  const error = ConnectError.from(
    await call.then(
      () => expect.fail('it was taken'),
      (reason: unknown) => reason,
    ),
  );
  const failures = error.findDetails(PreconditionFailureSchema).flatMap(({ violations }) => violations);
  const fields = error.findDetails(BadRequestSchema).flatMap(({ fieldViolations }) => fieldViolations);
  return {
    code: error.code,
    reason: errorInfo(error)?.reason,
    metadata: errorInfo(error)?.metadata,
    message: error.rawMessage,
    violations: failures.map(({ type, subject, description }) => [type, subject, description]),
    fields: fields.map(({ field }) => field),
  };
}

const orderCount = async () =>
  (await api.query<{ count: number }>('select count(*)::int as count from orders'))[0]?.count;

describe('an order', () => {
  test('is stored as PENDING, with its history, and its submission on the way to the worker', async () => {
    const traceId = 'a'.repeat(32);
    const headers = { ...as('shop').headers, traceparent: `00-${traceId}-${'b'.repeat(16)}-01` };
    const lines = [
      line('p-1', 2n, { quotedPrice: { currencyCode: 'USD', units: 999n, nanos: 990_000_000 } }),
      sku('SKU-p-2', 3n),
    ];
    const { order } = await api.orders.createOrder(
      { orderId: 'taken', customerId: 'c-1', lines },
      { headers },
    );
    expect(order).toMatchObject({
      orderId: 'taken',
      customerId: 'c-1',
      state: Order_State.PENDING,
      lines,
      version: 0n,
      needsAttention: '',
    });
    expect(order?.total).toBeUndefined();
    expect((await api.orders.getOrder({ orderId: 'taken' })).order).toEqual(order);

    const [row] = await api.query(
      'select *, deadline_time - create_time as wait from orders where id = $1',
      'taken',
    );
    expect(row).toMatchObject({
      state: 'PENDING',
      version: 0,
      revision: 1,
      caller_id: 'shop',
      submission_content_type: 'application/protobuf',
      content_hash: contentHashOf({
        submission: submission({
          lines: [
            submittedLine({ quantity: 2 }),
            submittedLine({ reference: { by: 'sku', value: 'SKU-p-2' }, quantity: 3 }),
          ],
        }),
        bytes: new Uint8Array(),
      }),
    });
    expect(
      await api.query(
        'select extract(epoch from deadline_time - create_time)::int as wait from orders where id = $1',
        'taken',
      ),
    ).toEqual([{ wait: 900 }]);
    expect((await api.orders.getOrderHistory({ orderId: 'taken' })).transitions).toMatchObject([
      {
        revision: 1n,
        state: Order_State.PENDING,
        cause: 'CreateOrder by shop',
        events: [],
        createTime: order?.createTime,
      },
    ]);

    const [message, ...more] = await api.query<{ topic: string; value: Buffer; headers: object }>(
      'select topic, value, headers from outbox where key = $1',
      'taken',
    );
    expect(more).toEqual([]);
    expect(message).toMatchObject({
      topic: 'orders',
      headers: {
        ce_id: 'taken/submitted',
        ce_type: OrderSubmittedSchema.typeName,
        ce_source: '/orderflow/order',
        ce_subject: 'taken',
        'content-type': 'application/protobuf',
        traceparent: expect.stringContaining(traceId),
      },
    });
    expect(fromBinary(OrderSubmittedSchema, message?.value ?? new Uint8Array())).toMatchObject({
      orderId: 'taken',
      customerId: 'c-1',
      lines,
    });
  });

  test('without an id gets one that sorts by time', async () => {
    const first = await create();
    const second = await create();
    expect(first.orderId).toMatch(/^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    expect(second.orderId > first.orderId).toBe(true);
  });
});

describe('the same request', () => {
  test('on 50 connections at once is one order with 50 equal responses', async () => {
    const clients = Array.from({ length: 50 }, () => api.connect());
    const requestId = 'fifty';
    const responses = await Promise.all(clients.map((client) => create({ requestId }, 'shop', client)));
    const [first] = responses;
    expect(responses).toEqual(responses.map(() => first));
    const stored = await api.query(
      'select id from orders where id = any($1::text[])',
      responses.map(({ orderId }) => orderId),
    );
    expect(stored).toEqual([{ id: first?.orderId }]);
    expect(await create({ requestId })).toEqual(first);
  });

  test('of another caller is another order', async () => {
    const ours = await create({ requestId: 'shared' }, 'shop');
    const theirs = await create({ requestId: 'shared' }, 'other shop');
    expect(theirs.orderId).not.toBe(ours.orderId);
  });

  test('with another body is refused', async () => {
    await create({ requestId: 'reused' });
    const again = create({ requestId: 'reused', lines: [line('p-1', 2n)] });
    expect(await refusalOf(again)).toMatchObject({
      code: Code.InvalidArgument,
      reason: 'REQUEST_ID_REUSED',
      metadata: { request_id: 'reused' },
    });
  });

  test('gets the first response when its order has taken the last of the stock', async () => {
    const request = { requestId: 'last one', lines: [line('p-1', 15n)] };
    const first = await create(request);
    api.inventory.available.set('p-1', 0n);
    expect(await create(request)).toEqual(first);
  });

  test('gets the first response when the order has been decided since', async () => {
    const request = { requestId: 'decided since' };
    const first = await create(request);
    await api.query(`update orders set state = 'CANCELLED' where id = $1`, first.orderId);
    expect(await create(request)).toEqual(first);
  });

  test('that was refused is judged anew', async () => {
    api.inventory.available.set('p-1', 0n);
    const request = { requestId: 'second try' };
    expect((await refusalOf(create(request))).reason).toBe('ORDER_REFUSED');
    api.inventory.available.set('p-1', 15n);
    expect((await create(request)).state).toBe(Order_State.PENDING);
  });
});

describe('an order id that is taken', () => {
  const already = { code: Code.AlreadyExists, reason: 'ORDER_ALREADY_EXISTS' };

  test('by the same caller with the same content returns the order unchanged', async () => {
    const lines = [line('p-1', 3n), sku('SKU-p-2')];
    const first = await create({ orderId: 'mine', lines });
    // The same quantities, over other lines and in another order.
    const again = [sku('SKU-p-2'), line('p-1', 1n), line('p-1', 2n)];
    expect(await create({ orderId: 'mine', lines: again })).toEqual(first);
    await api.query(`update orders set state = 'CANCELLED' where id = 'mine'`);
    api.inventory.available.set('p-1', 0n);
    expect((await create({ orderId: 'mine', lines })).state).toBe(Order_State.CANCELLED);
    expect((await create({ orderId: 'mine', lines, validateOnly: true })).state).toBe(Order_State.CANCELLED);
    expect(await api.query(`select 1 from outbox where key = 'mine'`)).toHaveLength(1);
  });

  test.each([
    ['with other content', { lines: [line('p-1', 2n)] }, 'shop'],
    ['for another customer', { customerId: 'c-2' }, 'shop'],
    ['by another caller', {}, 'other shop'],
  ])('%s is refused', async (_, change, callerId) => {
    await create({ orderId: 'theirs' }).catch(() => {});
    for (const validateOnly of [false, true]) {
      const refusal = await refusalOf(create({ orderId: 'theirs', validateOnly, ...change }, callerId));
      expect(refusal).toMatchObject({ ...already, metadata: { order_id: 'theirs' } });
    }
  });

  test('by an order that came over Kafka is refused, also with the same content', async () => {
    const sent = submission({ orderId: 'by-kafka' });
    await api.query(
      `insert into orders (id, customer_id, content_hash, state, version, revision, create_time, update_time)
       values ('by-kafka', 'c-1', $1, 'ACCEPTED', 1, 1, now(), now())`,
      contentHashOf({ submission: sent, bytes: new Uint8Array() }),
    );
    expect(await refusalOf(create({ orderId: 'by-kafka' }))).toMatchObject(already);
  });

  test('by 20 requests at once is one order', async () => {
    const clients = Array.from({ length: 20 }, () => api.connect());
    const responses = await Promise.all(clients.map((client) => create({ orderId: 'rush' }, 'shop', client)));
    expect(responses).toEqual(responses.map(() => responses[0]));
    expect(await api.query(`select 1 from outbox where key = 'rush'`)).toHaveLength(1);
  });
});

describe('invalid orders are refused with every reason, and nothing is stored', () => {
  const money = (units: bigint, currencyCode = 'USD') => ({ quotedPrice: { units, currencyCode } });

  test.each<[string, Request, unknown[]]>([
    [
      'an unknown customer and unknown products',
      { customerId: 'c-none', lines: [line('p-none'), line(), sku('NONE')] },
      [
        ['CUSTOMER_NOT_FOUND', 'customer_id', 'no customer "c-none"'],
        ['PRODUCT_NOT_FOUND', 'lines[0].product_id', 'no product "p-none"'],
        ['PRODUCT_NOT_FOUND', 'lines[2].sku', 'no product "NONE"'],
      ],
    ],
    [
      'an inactive customer and a retired product',
      { customerId: 'c-inactive', lines: [line('p-retired')] },
      [
        ['CUSTOMER_INACTIVE', 'customer_id', expect.anything()],
        ['PRODUCT_RETIRED', 'lines[0].product_id', expect.anything()],
      ],
    ],
    [
      'prices that are negative or of another currency',
      { lines: [line('p-1', 1n, money(-1n)), line('p-2', 1n, money(1n, 'EUR'))] },
      [
        ['QUOTED_PRICE_INVALID', 'lines[0].quoted_price', 'the price is negative'],
        ['QUOTED_PRICE_INVALID', 'lines[1].quoted_price', expect.stringContaining('EUR')],
      ],
    ],
    [
      'more than there is, over all lines of a product and however it is named',
      { lines: [line('p-2', 16n), line('p-1', 50n), sku('LAPTOP001', 50n), sku('SKU-p-3', 15n)] },
      [
        [
          'OUT_OF_STOCK',
          'lines[0].quantity',
          'Not enough inventory for SKU-p-2. Available: 15, Requested: 16',
        ],
        [
          'OUT_OF_STOCK',
          'lines[1].quantity',
          'Not enough inventory for LAPTOP001. Available: 15, Requested: 100',
        ],
      ],
    ],
    [
      'more of a product that is named by its SKU alone',
      { lines: [sku('LAPTOP001', 100n)] },
      [
        [
          'OUT_OF_STOCK',
          'lines[0].quantity',
          'Not enough inventory for LAPTOP001. Available: 15, Requested: 100',
        ],
      ],
    ],
    [
      'a rejection and a short line together',
      { customerId: 'c-none', lines: [line('p-1', 16n)] },
      [
        ['CUSTOMER_NOT_FOUND', 'customer_id', expect.anything()],
        ['OUT_OF_STOCK', 'lines[0].quantity', expect.anything()],
      ],
    ],
  ])('%s', async (_, request, violations) => {
    const before = await orderCount();
    for (const validateOnly of [false, true]) {
      expect(await refusalOf(create({ ...request, validateOnly }))).toMatchObject({
        code: Code.FailedPrecondition,
        reason: 'ORDER_REFUSED',
        metadata: { violations: String(violations.length) },
        violations,
      });
    }
    expect(await orderCount()).toBe(before);
  });

  test('200 lines of it, as many as a response can hold', async () => {
    const id = (index: number) => `p-${index}-${'x'.repeat(240)}`;
    const lines = Array.from({ length: 200 }, (_, index) => line(id(index)));
    const { violations, metadata } = await refusalOf(create({ lines }));
    expect(metadata).toEqual({ violations: '200' });
    // All of them would not fit into the trailers of a response.
    expect(violations.length).toBeGreaterThan(20);
    expect(violations.length).toBeLessThanOrEqual(50);
  });

  test('an outage of stock hides no rejection, and an outage of enrichment no shortage', async () => {
    api.inventory.state.down = true;
    const rejected = await refusalOf(create({ customerId: 'c-none', lines: [line('p-1', 16n)] }));
    expect(rejected.violations).toEqual([['CUSTOMER_NOT_FOUND', 'customer_id', 'no customer "c-none"']]);
    api.inventory.state.down = false;
    api.enrichment.state.down = true;
    const short = await refusalOf(
      create({ customerId: 'c-none', lines: [line('p-none', 8n), line('p-none', 8n)] }),
    );
    expect(short.violations).toEqual([
      ['OUT_OF_STOCK', 'lines[0].quantity', 'Not enough inventory for p-none. Available: 0, Requested: 16'],
    ]);
  });
});

describe('what cannot be known in time is taken as PENDING', () => {
  test('while inventory does not respond, after 150 ms', async () => {
    await using other = await runApi();
    const never = Promise.withResolvers<void>();
    other.inventory.state.responses = never.promise;
    // Sooner than the second after which inventory itself is given up; a busy machine may need another try.
    await eventually(
      async () => {
        const began = performance.now();
        const order = await create({ lines: [line('p-1', 100n)] }, 'shop', other.orders);
        expect(order.state).toBe(Order_State.PENDING);
        expect(performance.now() - began).toBeGreaterThan(140);
        expect(performance.now() - began).toBeLessThan(600);
      },
      { timeoutMs: 60_000 },
    );
    never.resolve();
  });

  test('while enrichment and stock are down', async () => {
    api.enrichment.state.down = true;
    api.inventory.state.down = true;
    expect((await create({ customerId: 'c-2', lines: [line('p-none')] })).state).toBe(Order_State.PENDING);
  });
});

describe('validate_only', () => {
  test('returns the priced order and stores nothing, not even its request id', async () => {
    const before = await orderCount();
    const lines = [line('p-1', 2n), sku('LAPTOP001')];
    const request = { orderId: 'quote', lines, requestId: 'quote' };
    const order = await create({ ...request, validateOnly: true });
    expect(order).toMatchObject({
      orderId: 'quote',
      customerId: 'c-1',
      state: Order_State.ACCEPTED,
      lines: [
        {
          reference: { case: 'productId', value: 'p-1' },
          quantity: 3n,
          productName: 'Product p-1',
          unitPrice: { units: 999n, nanos: 990_000_000, currencyCode: 'USD' },
          amount: { units: 2999n, nanos: 970_000_000 },
        },
      ],
      subtotal: { units: 2999n, nanos: 970_000_000 },
      tax: { units: 240n },
      total: { units: 3239n, nanos: 970_000_000 },
    });
    expect(await orderCount()).toBe(before);
    expect((await create(request)).state).toBe(Order_State.PENDING);
  });

  test('needs no stock for a price', async () => {
    api.inventory.state.down = true;
    expect((await create({ validateOnly: true })).total).toMatchObject({ units: 1079n });
  });

  test('says when a price cannot be worked out, and nothing of what is behind that', async () => {
    api.enrichment.state.down = true;
    const refusal = await refusalOf(create({ customerId: 'c-unread', validateOnly: true }));
    expect(refusal).toMatchObject({
      code: Code.Unavailable,
      reason: 'DEPENDENCY_UNAVAILABLE',
      message: 'customer or products cannot be read now: repeat later',
    });
  });
});

describe('a request that breaks the contract names every field', () => {
  test.each<[string, Request, string[]]>([
    ['no customer and no lines', { customerId: '', lines: [] }, ['customer_id', 'lines']],
    ['201 lines', { lines: Array.from({ length: 201 }, () => line()) }, ['lines']],
    [
      'quantities out of range',
      { lines: [line('p-1', 0n), line('p-1', 10_001n), line('p-1', -1n), line('p-1', 2n ** 62n)] },
      [0, 1, 2, 3].map((index) => `lines[${index}].quantity`),
    ],
    ['a line that names nothing', { lines: [{ quantity: 1n }] }, ['lines[0].reference']],
    ['a line that names nothing by its id', { lines: [line('')] }, ['lines[0].product_id']],
    [
      'NUL characters',
      { orderId: 'a\0', customerId: 'c\0', lines: [line('p\0'), sku('\0')], requestId: '\0' },
      ['order_id', 'customer_id', 'lines[0].product_id', 'lines[1].sku', 'request_id'],
    ],
    ['an order id that cannot be a key', { orderId: 'ä b' }, ['order_id']],
    ['an order id that is too long', { orderId: 'o'.repeat(65) }, ['order_id']],
  ])('%s', async (_, request, fields) => {
    const refusal = await refusalOf(create(request));
    expect(refusal).toMatchObject({ code: Code.InvalidArgument, reason: 'INVALID_REQUEST' });
    expect(refusal.fields.sort()).toEqual(fields.sort());
  });

  test('a caller id that cannot be shown', async () => {
    expect((await refusalOf(create({}, 'x'.repeat(129)))).fields).toEqual(['x-caller-id']);
  });
});

test.each([
  ['emoji', '🛒'.repeat(100)],
  ['right to left', 'עגלה'],
  ['quotes and SQL', `'; drop table orders; --`],
])('text that is unusual is kept unchanged: %s', async (_, text) => {
  api.enrichment.state.down = true;
  api.inventory.state.down = true;
  const order = await create({ customerId: text, lines: [line(text), sku(text)] });
  const { order: read } = await api.orders.getOrder({ orderId: order.orderId });
  expect(read).toMatchObject({
    customerId: text,
    lines: [{ reference: { value: text } }, { reference: { value: text } }],
  });
});
