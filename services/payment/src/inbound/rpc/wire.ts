import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { toMoney } from '@orderflow/contracts';
import {
  Payment_FailReason,
  Payment_State,
  PaymentAttempt_Kind,
  PaymentAttempt_Outcome,
  PaymentSchema,
  type Payment as WirePayment,
} from '@orderflow/contracts/orderflow/payment/v1/payment';
import { type PaymentState, paymentIdOf, type Requested } from '../../domain/payment.ts';
import type { Attempt, FullPayment, StoredPayment } from '../../ports.ts';

/** Converts a payment, with its attempts where they were read. */
export function toWirePayment(stored: StoredPayment | FullPayment): WirePayment {
  const { payment, createTime, updateTime } = stored;
  const { orderId, customerId, state, cancelRequested, transactionId, declineCode, problem } = payment;
  return create(PaymentSchema, {
    paymentId: paymentIdOf(orderId),
    orderId,
    customerId: customerId ?? '',
    ...(payment.currency && { amount: toMoney(payment.amount, payment.currency) }),
    state: Payment_State[state],
    cancelRequested,
    transactionId: transactionId ?? '',
    declineCode: declineCode ?? '',
    ...(payment.failReason && { failReason: Payment_FailReason[payment.failReason] }),
    problem: problem ?? '',
    ...(payment.refund && { refundRequest: toWireByHand(payment.refund) }),
    ...(payment.settlement && { settlement: toWireByHand(payment.settlement) }),
    attempts: 'calls' in stored ? stored.calls.map(toWireAttempt) : [],
    ...(payment.nextAttemptTime && { nextAttemptTime: timestampFromDate(payment.nextAttemptTime) }),
    createTime: timestampFromDate(createTime),
    updateTime: timestampFromDate(updateTime),
  });
}

function toWireByHand({ reason, callerId, time }: Requested) {
  return { reason, callerId, ...(time && { time: timestampFromDate(time) }) };
}

function toWireAttempt(attempt: Attempt) {
  const { kind, key, detail, createTime, endTime } = attempt;
  return {
    kind: PaymentAttempt_Kind[kind],
    key,
    outcome: toWireOutcome(attempt),
    detail,
    createTime: timestampFromDate(createTime),
    ...(endTime && { endTime: timestampFromDate(endTime) }),
  };
}

function toWireOutcome({ kind, outcome }: Attempt): PaymentAttempt_Outcome {
  switch (outcome) {
    case undefined:
      return PaymentAttempt_Outcome.UNSPECIFIED;
    case 'voided':
      // For a void this is success; a voided charge was declined.
      return kind === 'VOID' ? PaymentAttempt_Outcome.SUCCEEDED : PaymentAttempt_Outcome.DECLINED;
    case 'approved':
    case 'refunded':
      return PaymentAttempt_Outcome.SUCCEEDED;
    case 'declined':
      return PaymentAttempt_Outcome.DECLINED;
    case 'temporarily_declined':
      return PaymentAttempt_Outcome.TEMPORARILY_DECLINED;
    case 'refused':
      return PaymentAttempt_Outcome.REFUSED;
    case 'unknown':
      return PaymentAttempt_Outcome.UNKNOWN;
    case 'unreachable':
      return PaymentAttempt_Outcome.UNREACHABLE;
  }
}

/** Converts the requested state; undefined for any. */
export function fromWireState(state: Payment_State): PaymentState | undefined {
  const names = Object.keys(Payment_State) as (keyof typeof Payment_State)[];
  const name = names.find((candidate) => Payment_State[candidate] === state);
  return name === undefined || name === 'UNSPECIFIED' ? undefined : name;
}
