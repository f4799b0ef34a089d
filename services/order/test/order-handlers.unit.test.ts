import { create, toBinary } from '@bufbuild/protobuf';
import { ConnectError, createClient, createRouterTransport } from '@connectrpc/connect';
import {
  CreateOrderResponseSchema,
  OrderService,
} from '@orderflow/contracts/orderflow/order/v1/order_service';
import { errorReason, refusalErrors } from '@orderflow/rpc';
import type { StoredResponse } from '@orderflow/runtime';
import { expect, test } from 'vitest';
import type { FullOrder } from '../src/domain/order.ts';
import { Refusal } from '../src/domain/refusal.ts';
import { errorReasons } from '../src/inbound/rpc/error-reasons.ts';
import { orderHandlers } from '../src/inbound/rpc/order-handlers.ts';
import type { OrderReader } from '../src/ports.ts';
import type { PrecheckOrder } from '../src/use-cases/precheck-order.ts';

const refusalError = refusalErrors(Refusal, errorReasons);
const shortage = { type: 'OUT_OF_STOCK', subject: 'lines[0].quantity', description: 'Not enough' };
const request = {
  customerId: 'c-1',
  requestId: 'r-1',
  lines: [{ reference: { case: 'productId' as const, value: 'p-1' }, quantity: 1n }],
};

/**
 * CreateOrder for orders of which there is not enough. `whilePrechecking`: what happens on another connection meanwhile.
 */
function shortOfStock(
  whilePrechecking: (elsewhere: {
    responses: Map<string, StoredResponse>;
    orders: Map<string, FullOrder>;
  }) => void,
) {
  const responses = new Map<string, StoredResponse>();
  const orders = new Map<string, FullOrder>();
  const precheck: PrecheckOrder = async () => {
    whilePrechecking({ responses, orders });
    return { judged: undefined, cause: undefined, violations: [shortage] };
  };
  const reader: OrderReader = {
    find: async (orderId) => orders.get(orderId),
    findAll: async () => new Map(),
    listAll: async () => new Map(),
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
        async (requests, response) => {
          const given = await response([...requests.keys()]);
          return requests.map((_, index) => {
            const bytes = given.get(index);
            return bytes && { kind: 'response', bytes };
          });
        },
      ),
    isOutage: () => false,
    findResponse: async ({ requestId }) => responses.get(requestId),
    reader,
    precheck,
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
              throw refusalError(error) ?? error;
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

test('a refusal gives way to the response that the same request got meanwhile', async () => {
  const response = create(CreateOrderResponseSchema, { order: { orderId: 'o-twin' } });
  const createOrder = shortOfStock(({ responses }) =>
    responses.set('r-1', { kind: 'response', bytes: toBinary(CreateOrderResponseSchema, response) }),
  );
  expect(await createOrder()).toEqual(response);
});

test('a refusal gives way to REQUEST_ID_REUSED', async () => {
  const createOrder = shortOfStock(({ responses }) => responses.set('r-1', { kind: 'reused' }));
  expect(await reasonOf(createOrder())).toBe('REQUEST_ID_REUSED');
});

test('a refusal gives way to the order that was stored under the same id meanwhile', async () => {
  const other: FullOrder = {
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
