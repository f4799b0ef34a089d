import type { ServiceImpl } from '@connectrpc/connect';
import {
  type PaymentService,
  RefundPaymentRequestSchema,
  RefundPaymentResponseSchema,
  SettlePaymentRequestSchema,
  SettlePaymentResponseSchema,
} from '@orderflow/contracts/orderflow/payment/v1/payment_service';
import {
  callerIdOf,
  pageRequest,
  pageTokens,
  repeatableRequest,
  respondIdempotently,
  textKey,
  timeKey,
} from '@orderflow/rpc';
import { type InTransaction, readPage } from '@orderflow/runtime';
import type { Terms } from '../../domain/input.ts';
import { orderIdOf } from '../../domain/payment.ts';
import { Refusal } from '../../domain/refusal.ts';
import type { Orders, PaymentReader, PaymentTransaction } from '../../ports.ts';
import { getPayment } from '../../use-cases/get-payment.ts';
import { isOrderUnknown, refundPayment } from '../../use-cases/refund-payment.ts';
import { settlePayment } from '../../use-cases/settle-payment.ts';
import { fromWireState, toWirePayment } from './wire.ts';

const tokens = pageTokens<[Date, string]>('payments', timeKey, textKey);

/** Implements PaymentService. Throws refusals unchanged. `onDue`: called when a gateway call has become due. */
export function paymentHandlers({
  reader,
  orders,
  inTransaction,
  terms,
  now,
  onDue,
}: {
  readonly reader: PaymentReader;
  readonly orders: Orders;
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

    async listPayments(request) {
      const { after, size } = pageRequest(tokens, request);
      const { items, last } = await readPage(size, (limit) =>
        reader.page({
          customerId: request.customerId || undefined,
          state: fromWireState(request.state),
          after: after && { createTime: after[0], orderId: after[1] },
          limit,
        }),
      );
      return {
        payments: items.map(toWirePayment),
        nextPageToken: tokens.encode(last && [last.createTime, last.payment.orderId]),
      };
    },

    async refundPayment(request, context) {
      const orderId = orderOf(request.paymentId);
      const requested = {
        reason: request.reason,
        callerId: callerIdOf(context),
        isOrderUnknown: await isOrderUnknown({ reader, orders }, orderId),
      };
      const repeatable = repeatableRequest(RefundPaymentRequestSchema, request, context);
      const response = await inTransaction((transaction, runIdempotent) =>
        respondIdempotently(RefundPaymentResponseSchema, repeatable, runIdempotent, async () => {
          const refunding = await refundPayment({ transaction, terms, now: now() }, orderId, requested);
          return { payment: toWirePayment(refunding) };
        }),
      );
      onDue();
      return response;
    },

    async settlePayment(request, context) {
      const orderId = orderOf(request.paymentId);
      const requested = { reason: request.reason, callerId: callerIdOf(context) };
      const repeatable = repeatableRequest(SettlePaymentRequestSchema, request, context);
      return inTransaction((transaction, runIdempotent) =>
        respondIdempotently(SettlePaymentResponseSchema, repeatable, runIdempotent, async () => {
          const settled = await settlePayment({ transaction, terms, now: now() }, orderId, requested);
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
  throw new Refusal('PAYMENT_NOT_FOUND', `payment ${paymentId} does not exist`, { payment_id: paymentId });
}
