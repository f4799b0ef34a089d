import { create } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { isJsonOrder, topics } from '@orderflow/contracts';
import {
  BadRequestSchema,
  ErrorInfoSchema,
  PreconditionFailureSchema,
} from '@orderflow/contracts/google/rpc/error_details';
import { Order_State } from '@orderflow/contracts/orderflow/order/v1/order';
import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { beforeAll, expect, test } from 'vitest';
import { type Bench, createBench } from './kit.ts';
import { startApi } from './stub-api.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await createBench();
});

const one = ['--customer', 'c-1', '--sku', 'MOUSE001=2'];

test('an order becomes a record, in both formats, with its id as the key', async () => {
  const json = await bench.orders('send', ...one, '--id', 'k-1', '--to', 'kafka');
  expect(json).toEqual({
    code: 0,
    out: 'k-1 is a record on orders, as json.\n  "pnpm orders show k-1" shows what became of it.',
    err: '',
  });
  const made = await bench.orders('send', ...one, '--to', 'kafka', '--format', 'protobuf');
  const id = /^The order's id is (\S+)\.$/.exec(made.err)?.[1] ?? '';
  expect(made).toMatchObject({
    code: 0,
    out: expect.stringContaining(`${id} is a record on orders, as protobuf.`),
  });
  const records = await bench.read(topics.orders);
  expect(
    records.map(({ key, value, headers }) => [
      String(key),
      isJsonOrder(value ?? Buffer.of(), headers['content-type']),
      headers['ce_type'],
    ]),
  ).toEqual([
    ['k-1', true, undefined],
    [id, false, 'orderflow.order.event.v1.OrderSubmitted'],
  ]);
});

test('CreateOrder gets the order; its response is printed', async () => {
  const ORDER_API_URL = await startApi((router) =>
    router.rpc(OrderService.method.createOrder, ({ orderId, customerId, lines, validateOnly }) => ({
      order: {
        orderId,
        state: validateOnly ? Order_State.ACCEPTED : Order_State.PENDING,
        needsAttention: `${customerId} ${lines.map(({ reference, quantity }) => `${reference.value} ${quantity}`)}`,
        lines: [{ quantity: 2n, productName: 'Mouse' }],
        total: { currencyCode: 'USD', units: 3n, nanos: 500_000_000 },
      },
    })),
  );
  const sent = await bench.ordersWith({ ORDER_API_URL }, 'send', ...one, '--id', 'o-1');
  expect(sent).toMatchObject({ code: 0, out: expect.stringMatching(/^o-1 is PENDING\n.*c-1 MOUSE001 2/) });
  const quote = await bench.ordersWith({ ORDER_API_URL }, 'send', ...one, '--dry-run');
  expect(quote).toEqual({
    code: 0,
    out: 'The order would be ACCEPTED, for 3.50 USD; nothing is stored.\n  2 × Mouse',
    err: '',
  });
});

test('a refusal lists every reason, each with what the sender wrote', async () => {
  const ORDER_API_URL = await startApi((router) =>
    router.rpc(OrderService.method.createOrder, ({ customerId }) => {
      const failed = {
        desc: PreconditionFailureSchema,
        value: {
          violations: [
            { type: 'PRODUCT_NOT_FOUND', subject: 'lines[0].sku', description: 'MOUSE001 does not exist' },
            { type: 'CUSTOMER_INACTIVE', subject: 'customer_id', description: 'c-1 is inactive' },
          ],
        },
      };
      const info = {
        desc: ErrorInfoSchema,
        value: create(ErrorInfoSchema, { metadata: { violations: '5' } }),
      };
      const broken = {
        desc: BadRequestSchema,
        value: { fieldViolations: [{ field: 'lines', description: 'too many' }] },
      };
      throw customerId === 'c-1'
        ? new ConnectError('refused', Code.FailedPrecondition, undefined, [failed, info])
        : new ConnectError('lines: too many', Code.InvalidArgument, undefined, [broken]);
    }),
  );
  const refused = await bench.ordersWith({ ORDER_API_URL }, 'send', ...one, '--id', 'o-1');
  expect(refused).toEqual({
    code: 1,
    out: '',
    err: [
      'The order API refuses:',
      '  --sku MOUSE001=2: MOUSE001 does not exist (PRODUCT_NOT_FOUND)',
      '  --customer: c-1 is inactive (CUSTOMER_INACTIVE)',
      '  … and 3 more',
    ].join('\n'),
  });
  const invalid = await bench.ordersWith({ ORDER_API_URL }, 'send', '--sku', 'A', '--id', 'o-1');
  expect(invalid).toEqual({ code: 1, out: '', err: 'The order API refuses:\n  lines: too many' });
});

test.each([
  [Order_State.COMPLETED, 0, 'o-1 is COMPLETED'],
  [Order_State.REJECTED, 1, 'o-1 is REJECTED\n  items: too few (NO_LINES)'],
  [Order_State.CONFIRMED, 1, 'o-1 is CONFIRMED\n'],
])('--wait ends with state %j, also when the API is unavailable meanwhile', async (state, code, printed) => {
  let polls = 0;
  const ORDER_API_URL = await startApi((router) =>
    router.service(OrderService, {
      getOrderStatus() {
        polls += 1;
        if (polls === 1) throw new ConnectError('not yet', Code.NotFound);
        if (polls === 2) throw new ConnectError('no', Code.Unavailable);
        if (polls === 3) return { status: Order_State.ACCEPTED };
        return { status: state, needsAttention: state === Order_State.CONFIRMED ? 'STUCK' : '' };
      },
      getOrder: ({ orderId }) => ({
        order: {
          orderId,
          state,
          rejections:
            state === Order_State.REJECTED
              ? [{ reason: 'NO_LINES', field: 'items', message: 'too few' }]
              : [],
        },
      }),
      createOrder: ({ orderId }) => ({ order: { orderId, state: Order_State.PENDING } }),
    }),
  );
  const ended = await bench.ordersWith({ ORDER_API_URL }, 'send', ...one, '--id', 'o-1', '--wait');
  expect(ended.code).toBe(code);
  expect(ended.out).toContain(printed);
  expect(ended.err).toContain('The order API is unavailable; still waiting. (no)');
});
