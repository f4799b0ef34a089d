import type { ServiceImpl } from '@connectrpc/connect';
import {
  type PaymentService,
  RefundPaymentRequestSchema,
  RefundPaymentResponseSchema,
  SettlePaymentRequestSchema,
  SettlePaymentResponseSchema,
} from '@orderflow/contracts/orderflow/payment/v1/payment_service';
import {
  answerRepeatably,
  callerIdOf,
  decodePageToken,
  encodePageToken,
  repeatableRequest,
} from '@orderflow/rpc';
import type { InTransaction } from '@orderflow/runtime';
import type { Terms } from '../../domain/input.ts';
import { orderIdOf } from '../../domain/payment.ts';
import { Refusal } from '../../domain/refusal.ts';
import type { PaymentPosition, PaymentReader, PaymentTransaction } from '../../ports.ts';
import { getPayment } from '../../use-cases/get-payment.ts';
import { listPayments } from '../../use-cases/list-payments.ts';
import { refundPayment } from '../../use-cases/refund-payment.ts';
import { settlePayment } from '../../use-cases/settle-payment.ts';
import { fromWireState, toWirePayment } from './wire.ts';

/** What the contract says that 0 means. */
const defaultPageSize = 50;

/** PaymentService on its use cases. Throws their refusals as they are. `onDue`: there is something to ask the gateway. */
export function paymentHandlers({
  reader,
  inTransaction,
  terms,
  now,
  onDue,
}: {
  readonly reader: PaymentReader;
  readonly inTransaction: InTransaction<PaymentTransaction>;
  readonly terms: Terms;
  readonly now: () => Date;
  readonly onDue: () => void;
}): ServiceImpl<typeof PaymentService> {
  return {
    async getPayment({ paymentId }) {
      return { payment: toWirePayment(await getPayment(reader, orderOf(paymentId))) };
    },

    async getPaymentByOrder({ orderId }) {
      return { payment: toWirePayment(await getPayment(reader, orderId)) };
    },

    async listPayments({ customerId, state, pageSize, pageToken }) {
      const { payments, last } = await listPayments(reader, {
        customerId: customerId === '' ? undefined : customerId,
        state: fromWireState(state),
        after: positionOf(pageToken),
        size: pageSize || defaultPageSize,
      });
      return {
        payments: payments.map(toWirePayment),
        nextPageToken:
          last === undefined
            ? ''
            : encodePageToken('payments', [last.createTime.toISOString(), last.orderId]),
      };
    },

    async refundPayment(request, context) {
      const orderId = orderOf(request.paymentId);
      const asked = { reason: request.reason, callerId: callerIdOf(context) };
      const repeatable = repeatableRequest(RefundPaymentRequestSchema, request, context);
      const answer = await inTransaction((transaction, answerOnce) =>
        answerRepeatably(RefundPaymentResponseSchema, repeatable, answerOnce, async () => {
          const refunding = await refundPayment({ transaction, terms, now: now() }, orderId, asked);
          return { payment: toWirePayment(refunding) };
        }),
      );
      onDue();
      return answer;
    },

    async settlePayment(request, context) {
      const orderId = orderOf(request.paymentId);
      const asked = { reason: request.reason, callerId: callerIdOf(context) };
      const repeatable = repeatableRequest(SettlePaymentRequestSchema, request, context);
      return inTransaction((transaction, answerOnce) =>
        answerRepeatably(SettlePaymentResponseSchema, repeatable, answerOnce, async () => {
          const settled = await settlePayment({ transaction, terms, now: now() }, orderId, asked);
          return { payment: toWirePayment(settled) };
        }),
      );
    },
  };
}

/** @throws Refusal PAYMENT_NOT_FOUND for an id that no payment can have. */
function orderOf(paymentId: string): string {
  const orderId = orderIdOf(paymentId);
  if (orderId !== undefined) return orderId;
  throw new Refusal('PAYMENT_NOT_FOUND', `there is no payment ${paymentId}`, { payment_id: paymentId });
}

/** @throws PAGE_TOKEN_INVALID */
function positionOf(pageToken: string): PaymentPosition | undefined {
  const [createTime, orderId] = decodePageToken('payments', pageToken) ?? [];
  return createTime === undefined || orderId === undefined
    ? undefined
    : { createTime: new Date(createTime), orderId };
}
