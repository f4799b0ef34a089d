import { millis } from '@orderflow/storage';
import type { Payment } from '../../domain/payment.ts';
import type { StoredPayment } from '../../ports.ts';

type Type = 'text' | 'int' | 'bigint' | 'boolean' | 'timestamptz';

/** The fields that are written once, when a payment is made. */
const fixed = {
  orderId: 'text',
  customerId: 'text',
  amount: 'bigint',
  currency: 'text',
} as const satisfies Partial<Record<keyof Payment, Type>>;

/** The fields that rules change. */
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
} as const satisfies Record<Exclude<keyof Payment, keyof typeof fixed>, Type>;

/** A column of table `payment`, and what it holds of a payment. */
export interface Column {
  readonly name: string;
  readonly type: Type;
  readonly value: (payment: Payment) => unknown;
}

const all = Object.entries({ ...fixed, ...changing }) as [keyof Payment, Type][];

function columnOf([field, type]: [keyof Payment, Type]): Column {
  return { name: nameOf(field), type, value: (payment) => payment[field] ?? null };
}

function nameOf(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

export const columns: readonly Column[] = all.map(columnOf);
export const changingColumns: readonly Column[] = columns.slice(Object.keys(fixed).length);

/** A row of table `payment` as {@link selectedColumns} brings it: numbers of 64 bits as text, times in milliseconds. */
export type SelectedPayment = Readonly<Record<keyof Payment, string | number | boolean | null>> & {
  readonly traceparent: string | null;
  readonly createTime: number;
  readonly updateTime: number;
};

/** What to select for {@link toPayment}. */
export const selectedColumns = [
  ...all.map(([field, type]) => selected(field, type)),
  'traceparent',
  selected('createTime', 'timestamptz'),
  selected('updateTime', 'timestamptz'),
].join(', ');

function selected(field: string, type: Type): string {
  return `${type === 'timestamptz' ? millis(nameOf(field)) : nameOf(field)} as "${field}"`;
}

/** A row as the domain has it. */
export function toPayment(row: SelectedPayment): Payment {
  return Object.fromEntries(
    all.map(([field, type]) => [field, fromColumn(row[field], type)]),
  ) as unknown as Payment;
}

function fromColumn(value: string | number | boolean | null, type: Type): unknown {
  if (value === null) return undefined;
  if (type === 'timestamptz') return new Date(value as number);
  return type === 'bigint' ? BigInt(value) : value;
}

/** A row with the times it was written at. */
export function toStoredPayment(row: SelectedPayment): StoredPayment {
  return {
    payment: toPayment(row),
    createTime: new Date(row.createTime),
    updateTime: new Date(row.updateTime),
  };
}
