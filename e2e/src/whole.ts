import { randomUUID } from 'node:crypto';
import { toBinary } from '@bufbuild/protobuf';
import { type Order, Order_State, Order_StateSchema } from '@orderflow/contracts/orderflow/order/v1/order';
import {
  type CreateOrderResponse,
  CreateOrderResponseSchema,
} from '@orderflow/contracts/orderflow/order/v1/order_service';
import { type Clients, clientsOf, ordersCommand, untilKnown } from '@orderflow/local/clients';
import { eventually } from '@orderflow/testing';
import { expect } from 'vitest';
import { createTestSystem, type TestSystem } from './test-system.ts';

/** Quantities by product. */
export type Lines = Readonly<Record<string, number>>;

/** An order to create. */
export interface NewOrder {
  readonly orderId?: string;
  readonly customerId?: string;
  readonly lines: Lines;
  readonly requestId?: string;
  readonly callerId?: string;
}

/** An acknowledged CreateOrder, to be compared with the stores at the end. */
interface Acknowledged {
  readonly request: Required<Omit<NewOrder, 'orderId'>> & { readonly orderId: string };
  readonly response: Uint8Array;
  readonly order: Order;
}

/** Calls CreateOrder on any instance until it has a response. */
export type Caller = (
  create: (orders: Clients['orders']) => Promise<CreateOrderResponse>,
) => Promise<CreateOrderResponse>;

/** A whole system under test, and the responses that its callers got. */
export interface Whole extends TestSystem, Clients {
  /**
   * Calls CreateOrder, repeatedly while the outcome is unknown, as a careful caller does. `by`: another way to call,
   * perhaps other instances.
   */
  place(order: NewOrder, by?: Caller): Promise<Order>;
  order(orderId: string): Promise<Order>;
  /**
   * Waits until the order is in one of these states; by default in any terminal state. Keeps waiting while a process it
   * calls is down.
   */
  ended(orderId: string, ...states: Order_State[]): Promise<Order>;
  /** The quantity of a product that can be ordered. */
  available(productId: string): Promise<number>;
  /**
   * Waits until nothing is in flight, then checks: `orders check` finds nothing, every acknowledged order exists as it
   * was sent, and a repeated request id gets the first response.
   */
  expectSound(options?: { waitSeconds?: number }): Promise<void>;
}

const terminal = [Order_State.COMPLETED, Order_State.REJECTED, Order_State.CANCELLED];

/** Starts a whole system, as `createTestSystem` creates it. No payment is declined unless `env` says so. */
export async function startWhole(
  name: string,
  env: Record<string, string> = {},
  options: { auth?: boolean } = {},
): Promise<Whole> {
  const system = await createTestSystem(name, { GATEWAY_DECLINED_PERCENT: '0', ...env }, options);
  try {
    await system.start();
    return wholeOf(system);
  } catch (error) {
    await system[Symbol.asyncDispose]();
    throw error;
  }
}

function wholeOf(system: TestSystem): Whole {
  const clients = clientsOf(system);
  const { orders } = clients;
  const acknowledged: Acknowledged[] = [];

  const create = (
    { orderId = '', customerId, lines, requestId, callerId }: NewOrder & { callerId: string },
    instance = orders,
  ) =>
    instance.createOrder(
      {
        orderId,
        customerId: customerId ?? 'c-1',
        requestId: requestId ?? '',
        lines: Object.entries(lines).map(([productId, quantity]) => ({
          reference: { case: 'productId' as const, value: productId },
          quantity: BigInt(quantity),
        })),
      },
      { headers: { 'x-caller-id': callerId } },
    );

  async function order(orderId: string): Promise<Order> {
    const { order: found } = await orders.getOrder({ orderId });
    if (found === undefined) throw new Error(`the response about order ${orderId} is empty`);
    return found;
  }

  async function expectStored({ request, response, order: acknowledgedOrder }: Acknowledged): Promise<void> {
    expect(contentOf(await order(acknowledgedOrder.orderId))).toEqual({
      customerId: request.customerId,
      lines: request.lines,
    });
    expect(toBinary(CreateOrderResponseSchema, await create(request))).toEqual(response);
  }

  return {
    ...system,
    ...clients,
    order,
    async place(newOrder, by = (call) => untilKnown(() => call(orders))) {
      const request = {
        customerId: 'c-1',
        requestId: randomUUID(),
        callerId: 'test',
        ...newOrder,
      };
      const response = await by((instance) => create(request, instance));
      if (response.order === undefined) throw new Error('an order was created with an empty response');
      acknowledged.push({
        request: { ...request, orderId: request.orderId ?? '' },
        response: toBinary(CreateOrderResponseSchema, response),
        order: response.order,
      });
      return response.order;
    },
    ended(orderId, ...states) {
      const wanted = states.length > 0 ? states : terminal;
      return eventually(
        async () => {
          const found = await order(orderId);
          if (wanted.includes(found.state)) return found;
          throw new Error(`${orderId} is ${Order_StateSchema.value[found.state]?.localName}`);
        },
        // Polling a hundred orders continuously would take CPU time from the system.
        { timeoutMs: 150_000, intervalMs: states.length > 0 ? 50 : 200 },
      );
    },
    async available(productId) {
      const { stock } = await clients.inventory.getStock({ productId });
      return Number(stock?.available);
    },
    async expectSound({ waitSeconds = 60 } = {}) {
      const { code, said } = await ordersCommand(system.env, 'check', '--wait', String(waitSeconds));
      if (code !== 0) expect.fail(said);
      // Orders of earlier checks have ended and cannot change any more.
      while (acknowledged.length > 0) await Promise.all(acknowledged.splice(0, 100).map(expectStored));
    },
  };
}

/** The parts of an order that its caller chose. */
function contentOf({ customerId, lines }: Order) {
  const quantities = lines.map(({ reference, quantity }) => [reference.value, Number(quantity)]);
  return { customerId, lines: Object.fromEntries(quantities) };
}
