import type { MessageInitShape } from '@bufbuild/protobuf';
import type { HandlerContext, ServiceImpl } from '@connectrpc/connect';
import type { OrderSchema } from '@orderflow/contracts/orderflow/order/v1/order';
import {
  CancelOrderRequestSchema,
  CancelOrderResponseSchema,
  type OrderService,
  RetryOrderRequestSchema,
  RetryOrderResponseSchema,
} from '@orderflow/contracts/orderflow/order/v1/order_service';
import { callerIdOf, customerOf, repeatableRequest, respondIdempotently } from '@orderflow/rpc';
import { crashPoint, type InTransaction } from '@orderflow/runtime';
import {
  isTransition,
  type Limits,
  type Transition,
  type TransitionResult,
} from '../../domain/transition.ts';
import type { SagaTransaction } from '../../ports.ts';
import { cancelOrder } from '../../use-cases/cancel-order.ts';
import { retryOrder } from '../../use-cases/retry-order.ts';
import type { TransitionReport } from '../transition-report.ts';

interface Dependencies<Transaction extends SagaTransaction> {
  readonly inTransaction: InTransaction<Transaction>;
  /** Reads the order for the response. */
  readonly read: (transaction: Transaction, orderId: string) => Promise<MessageInitShape<typeof OrderSchema>>;
  readonly limits: Limits;
  readonly report: TransitionReport;
}

/** The methods of OrderService that advance orders. Throws refusals unchanged. */
export function sagaHandlers<Transaction extends SagaTransaction>({
  inTransaction,
  read,
  limits,
  report,
}: Dependencies<Transaction>): Pick<ServiceImpl<typeof OrderService>, 'cancelOrder' | 'retryOrder'> {
  return {
    async cancelOrder(request, context: HandlerContext) {
      const { orderId, reason } = request;
      const repeatable = repeatableRequest(CancelOrderRequestSchema, request, context);
      const callerId = callerIdOf(context);
      const ownedBy = customerOf(context);
      const transitions: Transition[] = [];
      const response = await inTransaction((transaction, runIdempotent) =>
        respondIdempotently(CancelOrderResponseSchema, repeatable, runIdempotent, async () => {
          const saga = { transaction, limits, ownedBy };
          collect(transitions, await cancelOrder(saga, { orderId, reason, callerId }));
          return { order: await read(transaction, orderId) };
        }),
      );
      crashPoint('saga-after-cancel');
      report(transitions);
      return response;
    },

    async retryOrder(request, context: HandlerContext) {
      const { orderId } = request;
      const repeatable = repeatableRequest(RetryOrderRequestSchema, request, context);
      const callerId = callerIdOf(context);
      const transitions: Transition[] = [];
      const response = await inTransaction((transaction, runIdempotent) =>
        respondIdempotently(RetryOrderResponseSchema, repeatable, runIdempotent, async () => {
          collect(transitions, await retryOrder({ transaction, limits }, { orderId, callerId }));
          return { order: await read(transaction, orderId) };
        }),
      );
      crashPoint('saga-after-retry');
      report(transitions);
      return response;
    },
  };
}

/** Collects the transition to report after the commit; there is none when the stored response was returned. */
function collect(transitions: Transition[], result: TransitionResult): void {
  if (isTransition(result)) transitions.push(result);
}
