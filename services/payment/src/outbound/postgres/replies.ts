import { create } from '@bufbuild/protobuf';
import { type Timestamp, timestampFromDate } from '@bufbuild/protobuf/wkt';
import { toMoney, topics } from '@orderflow/contracts';
import {
  PaymentFailed_Reason,
  PaymentFailedSchema,
  PaymentProcessedSchema,
  PaymentRefundedSchema,
  PaymentVoidedSchema,
} from '@orderflow/contracts/orderflow/payment/event/v1/payment_events';
import { type EncodedEvent, encodeEvent, type OutboxMessage } from '@orderflow/messaging';
import { paymentIdOf, type RefundedPayment, type RepliedPayment, replyOf } from '../../domain/payment.ts';

type Envelope = Parameters<typeof encodeEvent>[2];

/** The event of a payment's reply. A function of the row, so that a repeat is the same event. */
export function toReply(payment: RepliedPayment, traceparent: string | undefined): OutboxMessage {
  const { orderId, answerTime } = payment;
  const envelope = {
    id: `${orderId}/${replyOf(payment)}`,
    source: '/orderflow/payment',
    subject: orderId,
    time: answerTime,
    ...(traceparent !== undefined && { traceparent }),
  };
  return { topic: topics.paymentEvents, key: orderId, ...encode(payment, envelope) };
}

function encode(payment: RepliedPayment, envelope: Envelope): EncodedEvent {
  const { orderId, answerTime, declineCode = '' } = payment;
  const paymentId = paymentIdOf(orderId);
  const time = timestampFromDate(answerTime);
  switch (payment.state) {
    case 'PROCESSED': {
      const { transactionId = '' } = payment;
      const amount = toMoney(payment.amount, payment.currency);
      const event = { orderId, paymentId, amount, transactionId, processTime: time };
      return encodeEvent(PaymentProcessedSchema, create(PaymentProcessedSchema, event), envelope);
    }
    case 'FAILED': {
      if (payment.cancelRequested) return encodeVoided(orderId, time, envelope);
      const reason = PaymentFailed_Reason[payment.failReason];
      const event = { orderId, paymentId, reason, declineCode, failTime: time };
      return encodeEvent(PaymentFailedSchema, create(PaymentFailedSchema, event), envelope);
    }
    case 'VOIDED':
      return encodeVoided(orderId, time, envelope);
    case 'REFUNDED': {
      const amount = toMoney(payment.amount, payment.currency);
      const event = { orderId, paymentId, amount, refundTime: time, ...whoAndWhy(payment) };
      return encodeEvent(PaymentRefundedSchema, create(PaymentRefundedSchema, event), envelope);
    }
  }
}

function encodeVoided(orderId: string, voidTime: Timestamp, envelope: Envelope): EncodedEvent {
  return encodeEvent(PaymentVoidedSchema, create(PaymentVoidedSchema, { orderId, voidTime }), envelope);
}

/** The caller who caused the refund: the one who settled it by hand, otherwise the one who requested it. */
function whoAndWhy({ refund, settlement }: RefundedPayment) {
  return settlement === undefined
    ? { reason: refund?.reason ?? '', callerId: refund?.callerId ?? '' }
    : { reason: settlement.reason, callerId: settlement.callerId, settledByHand: true };
}
