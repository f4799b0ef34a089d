import type { Call, Outcome } from './domain/input.ts';
import type { AnswerKind, Payment, PaymentState } from './domain/payment.ts';

/** A call that was made for an order's payment, and how it ended. */
export interface EndedCall {
  readonly orderId: string;
  readonly call: Call;
  readonly outcome: Outcome;
}

/** What a transaction writes. */
export interface Changes {
  /** Payments that were not there before. */
  readonly created: readonly Payment[];
  readonly changed: readonly Payment[];
  /** Calls that will be made once they are written down. */
  readonly calls: readonly { readonly orderId: string; readonly call: Call }[];
  /** What orders are told, each of the payment as it was then. */
  readonly answers: readonly { readonly kind: AnswerKind; readonly payment: Payment }[];
}

/** A payment with the times it was written at. */
export interface StoredPayment {
  readonly payment: Payment;
  readonly createTime: Date;
  readonly updateTime: Date;
}

/** One call to the gateway, as it was written down. */
export interface Attempt {
  readonly kind: Call['kind'];
  readonly key: string;
  /** Undefined while it is under way, or its outcome was never recorded. */
  readonly outcome: Outcome['kind'] | undefined;
  /** What the gateway said, short. */
  readonly detail: string;
  readonly createTime: Date;
  readonly endTime: Date | undefined;
}

/** A place in the list of payments, newest first. */
export interface PaymentPosition {
  readonly createTime: Date;
  readonly orderId: string;
}

/** A payment with every call that was made for it, the oldest first. */
export interface WholePayment extends StoredPayment {
  readonly calls: readonly Attempt[];
}

/** Where payments are read. */
export interface PaymentReader {
  find(orderId: string): Promise<WholePayment | undefined>;
  /** Up to `limit` payments, newest first, after a place in the list or from its beginning. */
  page(options: {
    readonly customerId: string | undefined;
    readonly state: PaymentState | undefined;
    readonly after: PaymentPosition | undefined;
    readonly limit: number;
  }): Promise<StoredPayment[]>;
}

/** What happens all together or not at all. */
export interface PaymentTransaction extends Pick<PaymentReader, 'find'> {
  /** The payments of these orders, by order id; nobody else changes them before this transaction ends. */
  lock(orderIds: readonly string[]): Promise<Map<string, Payment>>;
  /** Up to `limit` payments that are due, the longest due first; those that somebody else works on are left out. */
  lockDue(now: Date, limit: number): Promise<Payment[]>;
  /** When the next payment is due, as of now. */
  nextDueTime(): Promise<Date | undefined>;
  /** Writes down how calls ended; answers those of which that was not written down before. */
  endCalls(ended: readonly EndedCall[], now: Date): Promise<EndedCall[]>;
  /** `traces`: the trace that each payment belongs to from now on, by order id. */
  save(changes: Changes, now: Date, traces?: ReadonlyMap<string, string>): Promise<void>;
}

/** Moves money. */
export interface Gateway {
  /** Makes a call for a payment. Never throws: what went wrong is an outcome. */
  call(payment: Payment, call: Call): Promise<Outcome>;
}
