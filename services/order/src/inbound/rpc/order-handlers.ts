import type { ServiceImpl } from '@connectrpc/connect';
import {
  CreateOrderRequestSchema,
  CreateOrderResponseSchema,
  type OrderService,
} from '@orderflow/contracts/orderflow/order/v1/order_service';
import {
  callerIdOf,
  customerOf,
  earlierResponse,
  repeatableRequest,
  respondEachIdempotently,
} from '@orderflow/rpc';
import {
  coalesce,
  crashPoint,
  type FindResponse,
  type RepeatableRequest,
  type RunEachIdempotent,
  readPage,
} from '@orderflow/runtime';
import type { IntakeTransaction, OrderReader } from '../../ports.ts';
import { getOrder } from '../../use-cases/get-order.ts';
import { getOrderHistory } from '../../use-cases/get-order-history.ts';
import { checkOrder, type ProposedOrder, placeOrders } from '../../use-cases/place-order.ts';
import type { PrecheckOrder } from '../../use-cases/precheck-order.ts';
import { quoteOrder } from '../../use-cases/quote-order.ts';
import { nextPageToken, toConditions, toPage } from './order-pages.ts';
import { toProposedOrder } from './proposed-order.ts';
import { toListedOrder, toWireOrder, toWireQuote, toWireStatus, toWireTransition } from './wire.ts';

/** The time that the contract promises callers of CreateOrder for the precheck. */
const promisedLimitMs = 150;
/** A caller that asks for a quote prefers waiting to an error. */
const quoteLimitMs = 5_000;

/** How orders are coalesced into transactions. */
const coalescing = { maxItems: 100, maxWaitMs: 10 };

/** One call of CreateOrder. */
interface Placement {
  readonly order: ProposedOrder;
  readonly repeatable: RepeatableRequest | undefined;
}

/** The methods of OrderService that create and read orders. Throws refusals unchanged. */
export function orderHandlers({
  inIntake,
  isOutage,
  findResponse,
  reader,
  precheck,
  checkLimitMs = promisedLimitMs,
  currency,
}: {
  readonly inIntake: <T>(
    work: (transaction: IntakeTransaction, runEachIdempotent: RunEachIdempotent) => Promise<T>,
  ) => Promise<T>;
  /** Whether an error says that the store is unavailable. */
  readonly isOutage: (error: unknown) => boolean;
  readonly findResponse: FindResponse;
  readonly reader: OrderReader;
  readonly precheck: PrecheckOrder;
  /** The time limit of the precheck. */
  readonly checkLimitMs?: number | undefined;
  /** The currency of stored totals. */
  readonly currency: string;
}): Pick<
  ServiceImpl<typeof OrderService>,
  'createOrder' | 'getOrder' | 'getOrderStatus' | 'listOrders' | 'getOrderHistory'
> {
  /** Calls that arrive while a transaction is in flight go into the next one together. */
  const place = coalesce(
    (placements: readonly Placement[]) =>
      inIntake((transaction, runEachIdempotent) =>
        respondEachIdempotently(
          CreateOrderResponseSchema,
          placements.map(({ repeatable }) => repeatable),
          runEachIdempotent,
          async (indexes) => {
            const orders = indexes.flatMap((index) => placements[index]?.order ?? []);
            const placed = await placeOrders(transaction, orders);
            return placed.map((order) =>
              order instanceof Error ? order : { order: toWireOrder(order, currency) },
            );
          },
        ),
      ),
    {
      ...coalescing,
      conflictKeys: ({ order, repeatable }) => [
        `order ${order.submission.orderId}`,
        ...(repeatable ? [`request ${repeatable.callerId} ${repeatable.requestId}`] : []),
      ],
      retryIndividually: (error) => !isOutage(error),
    },
  );

  return {
    async createOrder(request, context) {
      const order = toProposedOrder(request, callerIdOf(context));
      const repeatable = repeatableRequest(CreateOrderRequestSchema, request, context);
      const earlier = () => earlierResponse(CreateOrderResponseSchema, repeatable, findResponse);

      if (request.validateOnly) {
        const before = await earlier();
        if (before !== undefined) return before;
        const quote = await quoteOrder({ reader, precheck, limitMs: quoteLimitMs }, order);
        return {
          order: quote.kind === 'quote' ? toWireQuote(quote.order) : toWireOrder(quote.order, currency),
        };
      }

      try {
        await checkOrder({ reader, precheck, limitMs: checkLimitMs }, order);
      } catch (refusal) {
        // The stored response takes precedence over any other check. It is read here, and otherwise together with the
        // order: that saves a query for every new order. It may be new: the same call may be in flight on another
        // connection.
        const before = await earlier();
        if (before !== undefined) return before;
        throw refusal;
      }
      const response = await place({ order, repeatable });
      if (response instanceof Error) throw response;
      crashPoint('order-after-place-transaction');
      return response;
    },

    async getOrder({ orderId }, context) {
      return { order: toWireOrder(await getOrder(reader, orderId, customerOf(context)), currency) };
    },

    async getOrderStatus({ orderId }, context) {
      return toWireStatus(await getOrder(reader, orderId, customerOf(context)));
    },

    async listOrders(request) {
      const conditions = toConditions(request);
      const { after, size } = toPage(request, conditions);
      const { items, last } = await readPage(size, (limit) => reader.page(conditions, after, limit));
      return {
        orders: items.map((order) => toListedOrder(order, currency)),
        nextPageToken: nextPageToken(conditions, last),
      };
    },

    async getOrderHistory({ orderId }, context) {
      const transitions = await getOrderHistory(reader, orderId, customerOf(context));
      return { transitions: transitions.map(toWireTransition) };
    },
  };
}
