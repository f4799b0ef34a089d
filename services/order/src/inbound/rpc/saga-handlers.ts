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
import { answerRepeatably, callerIdOf, repeatableRequest } from '@orderflow/rpc';
import { crashPoint, type InTransaction } from '@orderflow/runtime';
import { isStep, type Limits, type Reaction, type Step } from '../../domain/order-step.ts';
import type { SagaTransaction } from '../../ports.ts';
import { cancelOrder } from '../../use-cases/cancel-order.ts';
import { retryOrder } from '../../use-cases/retry-order.ts';
import type { StepReport } from '../step-report.ts';

interface Dependencies<Transaction extends SagaTransaction> {
  readonly inTransaction: InTransaction<Transaction>;
  /** The order as it is now, for the answer. */
  readonly read: (transaction: Transaction, orderId: string) => Promise<MessageInitShape<typeof OrderSchema>>;
  readonly limits: Limits;
  readonly report: StepReport;
}

/** The methods of OrderService that move orders on. Throws refusals as they are. */
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
      const steps: Step[] = [];
      const answer = await inTransaction((transaction, answerOnce) =>
        answerRepeatably(CancelOrderResponseSchema, repeatable, answerOnce, async () => {
          keep(steps, await cancelOrder({ transaction, limits }, { orderId, reason, callerId }));
          return { order: await read(transaction, orderId) };
        }),
      );
      crashPoint('saga-after-cancel');
      report(steps);
      return answer;
    },

    async retryOrder(request, context: HandlerContext) {
      const { orderId } = request;
      const repeatable = repeatableRequest(RetryOrderRequestSchema, request, context);
      const callerId = callerIdOf(context);
      const steps: Step[] = [];
      const answer = await inTransaction((transaction, answerOnce) =>
        answerRepeatably(RetryOrderResponseSchema, repeatable, answerOnce, async () => {
          keep(steps, await retryOrder({ transaction, limits }, { orderId, callerId }));
          return { order: await read(transaction, orderId) };
        }),
      );
      crashPoint('saga-after-retry');
      report(steps);
      return answer;
    },
  };
}

/** What is reported once the transaction is over; nothing when the answer was there already. */
function keep(steps: Step[], reaction: Reaction): void {
  if (isStep(reaction)) steps.push(reaction);
}
