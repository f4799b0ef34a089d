import type { ServiceImpl } from '@connectrpc/connect';
import {
  CreateOrderRequestSchema,
  CreateOrderResponseSchema,
  type OrderService,
} from '@orderflow/contracts/orderflow/order/v1/order_service';
import { answerRepeatably, callerIdOf, earlierAnswer, repeatableRequest } from '@orderflow/rpc';
import { crashPoint, type FindAnswer, type InTransaction } from '@orderflow/runtime';
import type { OrderReader, OrderTransaction } from '../../ports.ts';
import { getOrder } from '../../use-cases/get-order.ts';
import { getOrderHistory } from '../../use-cases/get-order-history.ts';
import { listOrders } from '../../use-cases/list-orders.ts';
import type { LookAtOrder } from '../../use-cases/look-at-order.ts';
import { checkOrder, placeOrder } from '../../use-cases/place-order.ts';
import { quoteOrder } from '../../use-cases/quote-order.ts';
import { nextPageToken, toConditions, toPage } from './order-pages.ts';
import { toProposedOrder } from './proposed-order.ts';
import { toListedOrder, toWireOrder, toWireQuote, toWireTransition } from './wire.ts';

/** What the contract promises callers who wait for their order to be taken. */
const checkLimitMs = 150;
/** Whoever asks for a price would rather wait for it than not have it. */
const quoteLimitMs = 5_000;

/** Takes and reads orders. Throws refusals as they are. */
export function orderHandlers({
  inTransaction,
  findAnswer,
  reader,
  look,
  currency,
}: {
  readonly inTransaction: InTransaction<OrderTransaction>;
  readonly findAnswer: FindAnswer;
  readonly reader: OrderReader;
  readonly look: LookAtOrder;
  /** What stored totals are in. */
  readonly currency: string;
}): Pick<ServiceImpl<typeof OrderService>, 'createOrder' | 'getOrder' | 'listOrders' | 'getOrderHistory'> {
  return {
    async createOrder(request, context) {
      const order = toProposedOrder(request, callerIdOf(context));
      const repeatable = repeatableRequest(CreateOrderRequestSchema, request, context);
      const earlier = () => earlierAnswer(CreateOrderResponseSchema, repeatable, findAnswer);
      const before = await earlier();
      if (before !== undefined) return before;

      if (request.validateOnly) {
        const quote = await quoteOrder({ reader, look, limitMs: quoteLimitMs }, order);
        return {
          order: quote.kind === 'quote' ? toWireQuote(quote.order) : toWireOrder(quote.order, currency),
        };
      }

      try {
        await checkOrder({ reader, look, limitMs: checkLimitMs }, order);
      } catch (refusal) {
        // The same request may have been answered over another connection, and its order have got the last of the stock.
        const meanwhile = await earlier();
        if (meanwhile !== undefined) return meanwhile;
        throw refusal;
      }
      const answer = await inTransaction((transaction, answerOnce) =>
        answerRepeatably(CreateOrderResponseSchema, repeatable, answerOnce, async () => ({
          order: toWireOrder(await placeOrder(transaction, order), currency),
        })),
      );
      crashPoint('order-after-place-transaction');
      return answer;
    },

    async getOrder({ orderId }) {
      return { order: toWireOrder(await getOrder(reader, orderId), currency) };
    },

    async listOrders(request) {
      const conditions = toConditions(request);
      const page = await listOrders(reader, conditions, toPage(request, conditions));
      return {
        orders: page.orders.map((order) => toListedOrder(order, currency)),
        nextPageToken: nextPageToken(conditions, page),
      };
    },

    async getOrderHistory({ orderId }) {
      const transitions = await getOrderHistory(reader, orderId);
      return { transitions: transitions.map(toWireTransition) };
    },
  };
}
