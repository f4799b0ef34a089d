import { randomUUID } from 'node:crypto';
import { toBinary } from '@bufbuild/protobuf';
import { type Order, Order_State, Order_StateSchema } from '@orderflow/contracts/orderflow/order/v1/order';
import {
  type CreateOrderResponse,
  CreateOrderResponseSchema,
} from '@orderflow/contracts/orderflow/order/v1/order_service';
import { eventually } from '@orderflow/testing';
import { expect } from 'vitest';
import { type Clients, clientsOf, ordersCommand, untilKnown } from './clients.ts';
import { createTestSystem, type TestSystem } from './test-system.ts';

/** How many of a product. */
export type Lines = Readonly<Record<string, number>>;

/** An order to be created. */
export interface NewOrder {
  readonly orderId?: string;
  readonly customerId?: string;
  readonly lines: Lines;
  readonly requestId?: string;
  readonly callerId?: string;
}

/** What somebody who called CreateOrder was told, to be held against what is there in the end. */
interface Acknowledged {
  readonly request: Required<Omit<NewOrder, 'orderId'>> & { readonly orderId: string };
  readonly answer: Uint8Array;
  readonly order: Order;
}

/** Calls CreateOrder on one instance or another until it has an answer. */
export type Caller = (
  create: (orders: Clients['orders']) => Promise<CreateOrderResponse>,
) => Promise<CreateOrderResponse>;

/** A whole system under test, and what its callers were told. */
export interface Whole extends TestSystem, Clients {
  /**
   * Calls CreateOrder, again and again for as long as the outcome is not known, as a careful caller does. `by`: a caller
   * with ways of its own, and perhaps other instances to ask.
   */
  place(order: NewOrder, by?: Caller): Promise<Order>;
  order(orderId: string): Promise<Order>;
  /**
   * The order once it is known and in one of these states; every terminal state unless told otherwise. Waits through
   * the death of whoever is asked.
   */
  ended(orderId: string, ...states: Order_State[]): Promise<Order>;
  /** How many of a product can be ordered. */
  available(productId: string): Promise<number>;
  /**
   * Waits until nothing is under way, then: `orders check` finds nothing, every acknowledged order is there with what
   * was sent, and a repeated request id gets the answer it got the first time.
   */
  expectSound(options?: { waitSeconds?: number }): Promise<void>;
}

const terminal = [Order_State.COMPLETED, Order_State.REJECTED, Order_State.CANCELLED];

/** Starts a whole system; `name` and `env` as for `createTestSystem`. Nothing is declined unless `env` says so. */
export async function startWhole(name: string, env: Record<string, string> = {}): Promise<Whole> {
  const system = await createTestSystem(name, { GATEWAY_DECLINED_PERCENT: '0', ...env });
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
    if (found === undefined) throw new Error(`order ${orderId} was answered empty`);
    return found;
  }

  async function expectKept({ request, answer, order: told }: Acknowledged): Promise<void> {
    expect(contentOf(await order(told.orderId))).toEqual({
      customerId: request.customerId,
      lines: request.lines,
    });
    expect(toBinary(CreateOrderResponseSchema, await create(request))).toEqual(answer);
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
      const answer = await by((instance) => create(request, instance));
      if (answer.order === undefined) throw new Error('an order was created and answered empty');
      acknowledged.push({
        request: { ...request, orderId: request.orderId ?? '' },
        answer: toBinary(CreateOrderResponseSchema, answer),
        order: answer.order,
      });
      return answer.order;
    },
    ended(orderId, ...states) {
      const wanted = states.length > 0 ? states : terminal;
      return eventually(
        async () => {
          const found = await order(orderId);
          if (wanted.includes(found.state)) return found;
          throw new Error(`${orderId} is ${Order_StateSchema.value[found.state]?.localName}`);
        },
        // An end is not missed; and a hundred orders asked for all the time would take the machine from those who work.
        { timeoutMs: 90_000, intervalMs: states.length > 0 ? 50 : 200 },
      );
    },
    async available(productId) {
      const { stock } = await clients.inventory.getStock({ productId });
      return Number(stock?.available);
    },
    async expectSound({ waitSeconds = 60 } = {}) {
      const { code, said } = await ordersCommand(system.env, 'check', '--wait', String(waitSeconds));
      if (code !== 0) expect.fail(said);
      // Those of earlier checks have ended: nothing can change them any more.
      while (acknowledged.length > 0) await Promise.all(acknowledged.splice(0, 100).map(expectKept));
    },
  };
}

/** What of an order its caller chose. */
function contentOf({ customerId, lines }: Order) {
  const quantities = lines.map(({ reference, quantity }) => [reference.value, Number(quantity)]);
  return { customerId, lines: Object.fromEntries(quantities) };
}
