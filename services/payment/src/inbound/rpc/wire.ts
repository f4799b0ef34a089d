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
import type { PaymentState } from '../../domain/payment.ts';
import { paymentIdOf } from '../../domain/payment.ts';
import type { Attempt, StoredPayment, WholePayment } from '../../ports.ts';

/** The payment as the contract has it, with its attempts where they were read. */
export function toWirePayment(stored: StoredPayment | WholePayment): WirePayment {
  const { payment, createTime, updateTime } = stored;
  const { orderId, customerId, amount, currency, state, cancelRequested, transactionId, declineCode } =
    payment;
  return create(PaymentSchema, {
    paymentId: paymentIdOf(orderId),
    orderId,
    customerId,
    ...(currency !== '' && { amount: toMoney(amount, currency) }),
    state: Payment_State[state],
    cancelRequested,
    transactionId,
    declineCode,
    ...(payment.failReason && { failReason: Payment_FailReason[payment.failReason] }),
    problem: payment.problem,
    ...(payment.refundReason !== '' && {
      refundRequest: toWireByHand(payment.refundReason, payment.refundCallerId, payment.refundTime),
    }),
    ...(payment.settleReason !== '' && {
      settlement: toWireByHand(payment.settleReason, payment.settleCallerId, payment.settleTime),
    }),
    attempts: 'calls' in stored ? stored.calls.map(toWireAttempt) : [],
    ...(payment.nextAttemptTime && { nextAttemptTime: timestampFromDate(payment.nextAttemptTime) }),
    createTime: timestampFromDate(createTime),
    updateTime: timestampFromDate(updateTime),
  });
}

function toWireByHand(reason: string, callerId: string, time: Date | undefined) {
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
      // That is what a void is for; a charge it has declined.
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

/** The state a caller asks for; undefined for any. */
export function fromWireState(state: Payment_State): PaymentState | undefined {
  const names = Object.keys(Payment_State) as (keyof typeof Payment_State)[];
  const name = names.find((candidate) => Payment_State[candidate] === state);
  return name === undefined || name === 'UNSPECIFIED' ? undefined : name;
}
