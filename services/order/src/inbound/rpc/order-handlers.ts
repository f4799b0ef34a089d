import type { ServiceImpl } from '@connectrpc/connect';
import {
  CreateOrderRequestSchema,
  CreateOrderResponseSchema,
  type OrderService,
} from '@orderflow/contracts/orderflow/order/v1/order_service';
import { answerEachRepeatably, callerIdOf, earlierAnswer, repeatableRequest } from '@orderflow/rpc';
import {
  type AnswerEachOnce,
  crashPoint,
  type FindAnswer,
  type RepeatableRequest,
  together,
} from '@orderflow/runtime';
import type { IntakeTransaction, OrderReader } from '../../ports.ts';
import { getOrder } from '../../use-cases/get-order.ts';
import { getOrderHistory } from '../../use-cases/get-order-history.ts';
import { listOrders } from '../../use-cases/list-orders.ts';
import type { LookAtOrder } from '../../use-cases/look-at-order.ts';
import { checkOrder, type ProposedOrder, placeOrders } from '../../use-cases/place-order.ts';
import { quoteOrder } from '../../use-cases/quote-order.ts';
import { nextPageToken, toConditions, toPage } from './order-pages.ts';
import { toProposedOrder } from './proposed-order.ts';
import { toListedOrder, toWireOrder, toWireQuote, toWireTransition } from './wire.ts';

/** What the contract promises callers who wait for their order to be taken. */
const promisedLimitMs = 150;
/** Whoever asks for a price would rather wait for it than not have it. */
const quoteLimitMs = 5_000;

/** Orders that are taken in one transaction. */
const gathering = { size: 100, joinMs: 10 };

/** One call of CreateOrder. */
interface Placement {
  readonly order: ProposedOrder;
  readonly repeatable: RepeatableRequest | undefined;
}

/** Takes and reads orders. Throws refusals as they are. */
export function orderHandlers({
  inIntake,
  isOutage,
  findAnswer,
  reader,
  look,
  checkLimitMs = promisedLimitMs,
  currency,
}: {
  readonly inIntake: <T>(
    work: (transaction: IntakeTransaction, answerEachOnce: AnswerEachOnce) => Promise<T>,
  ) => Promise<T>;
  /** Whether an error says that the store cannot be reached now. */
  readonly isOutage: (error: unknown) => boolean;
  readonly findAnswer: FindAnswer;
  readonly reader: OrderReader;
  readonly look: LookAtOrder;
  /** How long an order is looked at before it is taken. */
  readonly checkLimitMs?: number | undefined;
  /** What stored totals are in. */
  readonly currency: string;
}): Pick<ServiceImpl<typeof OrderService>, 'createOrder' | 'getOrder' | 'listOrders' | 'getOrderHistory'> {
  /** Calls that come while a transaction is under way go together in the next one. */
  const place = together(
    (placements: readonly Placement[]) =>
      inIntake((transaction, answerEachOnce) =>
        answerEachRepeatably(
          CreateOrderResponseSchema,
          placements.map(({ repeatable }) => repeatable),
          answerEachOnce,
          async (places) => {
            const orders = places.flatMap((index) => placements[index]?.order ?? []);
            const placed = await placeOrders(transaction, orders);
            return placed.map((order) =>
              order instanceof Error ? order : { order: toWireOrder(order, currency) },
            );
          },
        ),
      ),
    {
      ...gathering,
      apart: ({ order, repeatable }) => [
        `order ${order.submission.orderId}`,
        ...(repeatable ? [`request ${repeatable.callerId} ${repeatable.requestId}`] : []),
      ],
      aloneAfter: (error) => !isOutage(error),
    },
  );

  return {
    async createOrder(request, context) {
      const order = toProposedOrder(request, callerIdOf(context));
      const repeatable = repeatableRequest(CreateOrderRequestSchema, request, context);
      const earlier = () => earlierAnswer(CreateOrderResponseSchema, repeatable, findAnswer);

      if (request.validateOnly) {
        const before = await earlier();
        if (before !== undefined) return before;
        const quote = await quoteOrder({ reader, look, limitMs: quoteLimitMs }, order);
        return {
          order: quote.kind === 'quote' ? toWireQuote(quote.order) : toWireOrder(quote.order, currency),
        };
      }

      try {
        await checkOrder({ reader, look, limitMs: checkLimitMs }, order);
      } catch (refusal) {
        // The stored answer comes before any other check. It is read here, and else with the order: a question to the
        // database less for every order that is new. It may be of this moment: the same call over another connection.
        const before = await earlier();
        if (before !== undefined) return before;
        throw refusal;
      }
      const answer = await place({ order, repeatable });
      if (answer instanceof Error) throw answer;
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
