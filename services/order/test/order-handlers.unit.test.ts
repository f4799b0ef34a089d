import { create, toBinary } from '@bufbuild/protobuf';
import { ConnectError, createClient, createRouterTransport } from '@connectrpc/connect';
import {
  CreateOrderResponseSchema,
  OrderService,
} from '@orderflow/contracts/orderflow/order/v1/order_service';
import { errorReason, rpcError } from '@orderflow/rpc';
import type { KeptAnswer } from '@orderflow/runtime';
import { expect, test } from 'vitest';
import type { OrderInFull } from '../src/domain/order.ts';
import { Refusal } from '../src/domain/refusal.ts';
import { orderHandlers } from '../src/inbound/rpc/order-handlers.ts';
import type { OrderReader } from '../src/ports.ts';
import type { LookAtOrder } from '../src/use-cases/look-at-order.ts';

const shortage = { type: 'OUT_OF_STOCK', subject: 'lines[0].quantity', description: 'Not enough' };
const request = {
  customerId: 'c-1',
  requestId: 'r-1',
  lines: [{ reference: { case: 'productId' as const, value: 'p-1' }, quantity: 1n }],
};

/** CreateOrder for orders of which there is not enough. `whileLooking`: what happens on another connection meanwhile. */
function shortOfStock(
  whileLooking: (elsewhere: { answers: Map<string, KeptAnswer>; orders: Map<string, OrderInFull> }) => void,
) {
  const answers = new Map<string, KeptAnswer>();
  const orders = new Map<string, OrderInFull>();
  const look: LookAtOrder = async () => {
    whileLooking({ answers, orders });
    return { judged: undefined, cause: undefined, violations: [shortage] };
  };
  const reader: OrderReader = {
    find: async (orderId) => orders.get(orderId),
    page: async () => [],
    history: async () => [],
  };
  const handlers = orderHandlers({
    inIntake: (work) =>
      work(
        {
          take: async (proposed) =>
            proposed.map(({ orderId }) => {
              const order = orders.get(orderId);
              if (order === undefined) throw new Error(`order ${orderId} was to be refused`);
              return { isNew: false, order };
            }),
        },
        async (requests, answer) => {
          const given = await answer([...requests.keys()]);
          return requests.map((_, place) => {
            const bytes = given.get(place);
            return bytes && { kind: 'answer', bytes };
          });
        },
      ),
    isOutage: () => false,
    findAnswer: async ({ requestId }) => answers.get(requestId),
    reader,
    look,
    currency: 'USD',
  });
  const client = createClient(
    OrderService,
    createRouterTransport(({ service }) => service(OrderService, handlers), {
      router: {
        interceptors: [
          (next) => async (call) => {
            try {
              return await next(call);
            } catch (error) {
              throw error instanceof Refusal ? rpcError(error.reason, error.message) : error;
            }
          },
        ],
      },
    }),
  );
  return (more: { orderId?: string; validateOnly?: boolean } = {}) =>
    client.createOrder({ ...request, ...more });
}

const reasonOf = (call: Promise<unknown>) =>
  call.then(
    () => 'none',
    (error: unknown) => errorReason(ConnectError.from(error)),
  );

test('what is short is refused', async () => {
  const createOrder = shortOfStock(() => {});
  expect(await reasonOf(createOrder())).toBe('ORDER_REFUSED');
  expect(await reasonOf(createOrder({ orderId: 'o-1' }))).toBe('ORDER_REFUSED');
  expect(await reasonOf(createOrder({ validateOnly: true }))).toBe('ORDER_REFUSED');
});

test('a refusal gives way to the answer that the same request got meanwhile', async () => {
  const answer = create(CreateOrderResponseSchema, { order: { orderId: 'o-twin' } });
  const createOrder = shortOfStock(({ answers }) =>
    answers.set('r-1', { kind: 'answer', bytes: toBinary(CreateOrderResponseSchema, answer) }),
  );
  expect(await createOrder()).toEqual(answer);
});

test('a refusal gives way to REQUEST_ID_REUSED', async () => {
  const createOrder = shortOfStock(({ answers }) => answers.set('r-1', { kind: 'reused' }));
  expect(await reasonOf(createOrder())).toBe('REQUEST_ID_REUSED');
});

test('a refusal gives way to the order that was stored under the same id meanwhile', async () => {
  const other: OrderInFull = {
    orderId: 'o-1',
    customerId: 'c-2',
    state: 'PENDING',
    total: undefined,
    needsAttention: undefined,
    cancelReason: undefined,
    cancelDetail: undefined,
    transactionId: undefined,
    refunded: false,
    version: 0,
    createTime: new Date(),
    updateTime: new Date(),
    callerId: 'anonymous',
    contentHash: Buffer.from('other content'),
    decided: undefined,
    submission: undefined,
  };
  const createOrder = shortOfStock(({ orders }) => orders.set('o-1', other));
  expect(await reasonOf(createOrder({ orderId: 'o-1' }))).toBe('ORDER_ALREADY_EXISTS');
});
