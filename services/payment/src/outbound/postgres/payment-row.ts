import type { Payment } from '../../domain/payment.ts';

/** The columns of a payment that are null where the domain says undefined. */
interface Nullable {
  failReason: Payment['failReason'] | null;
  refundTime: Date | null;
  settleTime: Date | null;
  nextAttemptTime: Date | null;
  answerTime: Date | null;
}

/** A row of table `payment` as the domain has it. */
export function toPayment(
  row: Omit<Payment, keyof Nullable> &
    Nullable & { traceparent: string | null; createTime: Date; updateTime: Date },
): Payment {
  const { traceparent: _, createTime: __, updateTime: ___, ...payment } = row;
  return {
    ...payment,
    failReason: payment.failReason ?? undefined,
    refundTime: payment.refundTime ?? undefined,
    settleTime: payment.settleTime ?? undefined,
    nextAttemptTime: payment.nextAttemptTime ?? undefined,
    answerTime: payment.answerTime ?? undefined,
  };
}
