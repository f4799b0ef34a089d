import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { toMoney, topics } from '@orderflow/contracts';
import {
  PaymentFailed_Reason,
  PaymentFailedSchema,
  PaymentProcessedSchema,
  PaymentRefundedSchema,
  PaymentVoidedSchema,
} from '@orderflow/contracts/orderflow/payment/event/v1/payment_events';
import { type EncodedEvent, encodeEvent, type OutboxMessage } from '@orderflow/messaging';
import { type AnswerKind, type Payment, paymentIdOf } from '../../domain/payment.ts';

/** The event that tells an order of its payment. Made of the row alone, so that a repeat is the same event. */
export function toAnswer(kind: AnswerKind, payment: Payment, traceparent: string | undefined): OutboxMessage {
  const { orderId, answerTime } = payment;
  if (answerTime === undefined) throw new Error(`${kind} of order ${orderId} without a time`);
  const envelope = {
    id: `${orderId}/${kind}`,
    source: '/orderflow/payment',
    subject: orderId,
    time: answerTime,
    ...(traceparent !== undefined && { traceparent }),
  };
  return { topic: topics.paymentEvents, key: orderId, ...encode(kind, payment, answerTime, envelope) };
}

function encode(
  kind: AnswerKind,
  payment: Payment,
  answerTime: Date,
  envelope: Parameters<typeof encodeEvent>[2],
): EncodedEvent {
  const { orderId, transactionId, failReason = 'UNSETTLED', declineCode } = payment;
  const paymentId = paymentIdOf(orderId);
  const amount = toMoney(payment.amount, payment.currency);
  const time = timestampFromDate(answerTime);
  switch (kind) {
    case 'PaymentProcessed': {
      const event = { orderId, paymentId, amount, transactionId, processTime: time };
      return encodeEvent(PaymentProcessedSchema, create(PaymentProcessedSchema, event), envelope);
    }
    case 'PaymentFailed': {
      const reason = PaymentFailed_Reason[failReason];
      const event = { orderId, paymentId, reason, declineCode, failTime: time };
      return encodeEvent(PaymentFailedSchema, create(PaymentFailedSchema, event), envelope);
    }
    case 'PaymentVoided': {
      const event = { orderId, voidTime: time };
      return encodeEvent(PaymentVoidedSchema, create(PaymentVoidedSchema, event), envelope);
    }
    case 'PaymentRefunded': {
      const event = { orderId, paymentId, amount, refundTime: time, ...whoAndWhy(payment) };
      return encodeEvent(PaymentRefundedSchema, create(PaymentRefundedSchema, event), envelope);
    }
  }
}

/** Who had the charge given back: whoever has settled it by hand in the end, else whoever asked for it. */
function whoAndWhy({ refundReason, refundCallerId, settleReason, settleCallerId, settleTime }: Payment) {
  return settleTime === undefined
    ? { reason: refundReason, callerId: refundCallerId }
    : { reason: settleReason, callerId: settleCallerId, settledByHand: true };
}
