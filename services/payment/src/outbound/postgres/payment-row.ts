import { millis } from '@orderflow/storage';
import {
  cancelledOrder,
  completedOrder,
  type FailReason,
  openOrder,
  type Payment,
  type PaymentState,
  type RefundCause,
  type Requested,
} from '../../domain/payment.ts';
import type { StoredPayment } from '../../ports.ts';

type Type = 'text' | 'int' | 'bigint' | 'boolean' | 'timestamptz';

/** The columns of table `payment` that hold a payment: '', 0 or null where the payment has no such field. */
interface Row {
  readonly orderId: string;
  readonly customerId: string;
  readonly amount: bigint;
  readonly currency: string;
  readonly state: PaymentState;
  readonly cancelRequested: boolean;
  readonly completed: boolean;
  readonly keyNumber: number;
  readonly tries: number;
  readonly unknown: number;
  readonly attempts: number;
  readonly transactionId: string;
  readonly failReason: FailReason | null;
  readonly declineCode: string;
  readonly refundReason: string;
  readonly refundCallerId: string;
  readonly refundTime: Date | null;
  readonly problem: string;
  readonly refusedCall: number;
  readonly settleReason: string;
  readonly settleCallerId: string;
  readonly settleTime: Date | null;
  readonly nextAttemptTime: Date | null;
  readonly answerTime: Date | null;
}

/** The columns that are written once, when a payment is created. */
const fixed = {
  orderId: 'text',
  customerId: 'text',
  amount: 'bigint',
  currency: 'text',
} as const satisfies Partial<Record<keyof Row, Type>>;

/** The columns that inputs change. */
const changing = {
  state: 'text',
  cancelRequested: 'boolean',
  completed: 'boolean',
  keyNumber: 'int',
  tries: 'int',
  unknown: 'int',
  attempts: 'int',
  transactionId: 'text',
  failReason: 'text',
  declineCode: 'text',
  refundReason: 'text',
  refundCallerId: 'text',
  refundTime: 'timestamptz',
  problem: 'text',
  refusedCall: 'int',
  settleReason: 'text',
  settleCallerId: 'text',
  settleTime: 'timestamptz',
  nextAttemptTime: 'timestamptz',
  answerTime: 'timestamptz',
} as const satisfies Record<Exclude<keyof Row, keyof typeof fixed>, Type>;

/** A column of table `payment`, and its field in the row of a payment. */
export interface Column {
  readonly name: string;
  readonly type: Type;
  readonly field: keyof Row;
}

const all = Object.entries({ ...fixed, ...changing }) as [keyof Row, Type][];

function nameOf(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

export const columns: readonly Column[] = all.map(([field, type]) => ({ name: nameOf(field), type, field }));
export const changingColumns: readonly Column[] = columns.slice(Object.keys(fixed).length);

/** A row of table `payment` as {@link selectedColumns} returns it: 64-bit numbers as text, times in milliseconds. */
export type SelectedPayment = Readonly<Record<keyof Row, string | number | boolean | null>> & {
  readonly traceparent: string | null;
  readonly createTime: number;
  readonly updateTime: number;
};

/** The columns that {@link toPayment} needs. */
export const selectedColumns = [
  ...all.map(([field, type]) => selected(field, type)),
  'traceparent',
  selected('createTime', 'timestamptz'),
  selected('updateTime', 'timestamptz'),
].join(', ');

function selected(field: string, type: Type): string {
  return `${type === 'timestamptz' ? millis(nameOf(field)) : nameOf(field)} as "${field}"`;
}

function fromSelected(row: SelectedPayment): Row {
  return Object.fromEntries(
    all.map(([field, type]) => [field, fromColumn(row[field], type)]),
  ) as unknown as Row;
}

function fromColumn(value: string | number | boolean | null, type: Type): unknown {
  if (value === null) return null;
  if (type === 'timestamptz') return new Date(value as number);
  return type === 'bigint' ? BigInt(value) : value;
}

/** Converts a payment to its row. */
export function toRow(payment: Payment): Row {
  const { refund, settlement } = payment;
  return {
    orderId: payment.orderId,
    customerId: payment.customerId ?? '',
    amount: payment.amount ?? 0n,
    currency: payment.currency ?? '',
    state: payment.state,
    cancelRequested: payment.cancelRequested,
    completed: payment.completed,
    keyNumber: payment.keyNumber,
    tries: payment.tries,
    unknown: payment.unknown,
    attempts: payment.attempts,
    transactionId: payment.transactionId ?? '',
    failReason: payment.failReason ?? null,
    declineCode: payment.declineCode ?? '',
    refundReason: refund?.reason ?? '',
    refundCallerId: refund?.callerId ?? '',
    refundTime: refund?.time ?? null,
    problem: payment.problem ?? '',
    refusedCall: payment.refusedCall,
    settleReason: settlement?.reason ?? '',
    settleCallerId: settlement?.callerId ?? '',
    settleTime: settlement?.time ?? null,
    nextAttemptTime: payment.nextAttemptTime ?? null,
    answerTime: payment.answerTime ?? null,
  };
}

/**
 * Converts a row.
 * @throws when the row lacks what a payment in its state always has: the rules never write such a row.
 */
export function toPayment(selected: SelectedPayment): Payment {
  const row = fromSelected(selected);
  const { orderId, customerId, amount, currency, state, transactionId } = row;
  const { keyNumber, tries, unknown, attempts, refusedCall } = row;
  const declineCode = row.declineCode || undefined;
  const common = { orderId, keyNumber, tries, unknown, attempts, refusedCall, declineCode };
  const toPay = { ...common, customerId, amount, currency };
  const problem = row.problem || undefined;
  switch (state) {
    case 'PENDING':
      return { ...toPay, ...openOrder, state, nextAttemptTime: required(row, 'nextAttemptTime') };
    case 'SETTLING': {
      const nextAttemptTime = required(row, 'nextAttemptTime');
      return { ...toPay, ...openOrCancelled(row), state, problem, nextAttemptTime };
    }
    case 'REFUNDING': {
      const charged = { ...toPay, transactionId, answerTime: required(row, 'answerTime') };
      const nextAttemptTime = required(row, 'nextAttemptTime');
      return { ...charged, ...refundCauseOf(row), state, problem, nextAttemptTime };
    }
    case 'PROCESSED': {
      const processed = { ...toPay, ...openOrCompleted(row), answerTime: required(row, 'answerTime') };
      return amount === 0n ? { ...processed, state } : { ...processed, state, transactionId };
    }
    case 'FAILED': {
      const failReason = required(row, 'failReason');
      const ended = { settlement: settlementOf(row), answerTime: required(row, 'answerTime') };
      return { ...toPay, ...openOrCancelled(row), ...ended, state, failReason };
    }
    case 'VOIDED': {
      const voided = { ...cancelledOrder, state, answerTime: required(row, 'answerTime') };
      if (customerId === '') return { ...common, ...voided };
      return { ...toPay, ...voided, settlement: settlementOf(row) };
    }
    case 'REFUNDED': {
      const ended = { settlement: settlementOf(row), answerTime: required(row, 'answerTime') };
      return { ...toPay, ...refundCauseOf(row), ...ended, state, transactionId };
    }
  }
}

function required<Field extends keyof Row>(row: Row, field: Field): NonNullable<Row[Field]> {
  const value = row[field];
  if (value === null) throw new Error(`the payment of order ${row.orderId} is ${row.state} without ${field}`);
  return value as NonNullable<Row[Field]>;
}

function openOrCancelled({ cancelRequested }: Row) {
  return cancelRequested ? cancelledOrder : openOrder;
}

function openOrCompleted({ completed }: Row) {
  return completed ? completedOrder : openOrder;
}

function refundCauseOf(row: Row): RefundCause {
  const { refundReason: reason, refundCallerId: callerId, refundTime } = row;
  const refund = { reason, callerId, time: refundTime ?? undefined };
  if (!row.cancelRequested) return { ...openOrCompleted(row), refund };
  return { ...cancelledOrder, refund: reason === '' ? undefined : refund };
}

function settlementOf({ settleReason, settleCallerId, settleTime }: Row): Requested | undefined {
  return settleTime === null
    ? undefined
    : { reason: settleReason, callerId: settleCallerId, time: settleTime };
}

/** Converts a row with its times. */
export function toStoredPayment(row: SelectedPayment): StoredPayment {
  return {
    payment: toPayment(row),
    createTime: new Date(row.createTime),
    updateTime: new Date(row.updateTime),
  };
}
