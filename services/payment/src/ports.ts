import type { Call, Outcome } from './domain/input.ts';
import type { Waiting } from './domain/payable.ts';
import type { DuePayment, Payment, PaymentState, RepliedPayment } from './domain/payment.ts';

/** A call for an order's payment, with its outcome. */
export interface EndedCall {
  readonly orderId: string;
  readonly call: Call;
  readonly outcome: Outcome;
}

/** The changes that a transaction writes. */
export interface Changes {
  /** New payments. */
  readonly created: readonly Payment[];
  readonly changed: readonly Payment[];
  /** Orders of which only the first of two events has arrived. */
  readonly waiting: readonly Waiting[];
  /** The ids of orders whose waiting charge has ended, or is replaced. */
  readonly endedWaiting: readonly string[];
  /** Calls that will be made after the commit. */
  readonly calls: readonly { readonly orderId: string; readonly call: Call }[];
  /** The payments whose replies are published, each as it was then. */
  readonly replies: readonly RepliedPayment[];
}

/** A payment with the times of its row. */
export interface StoredPayment {
  readonly payment: Payment;
  readonly createTime: Date;
  readonly updateTime: Date;
}

/** One stored call to the gateway. */
export interface Attempt {
  readonly kind: Call['kind'];
  readonly key: string;
  /** Undefined while the call is in flight, or if its outcome was never recorded. */
  readonly outcome: Outcome['kind'] | undefined;
  /** A short detail from the gateway. */
  readonly detail: string;
  readonly createTime: Date;
  readonly endTime: Date | undefined;
}

/** A position in the list of payments, newest first. */
export interface PaymentPosition {
  readonly createTime: Date;
  readonly orderId: string;
}

/** A payment with all its calls, the oldest first. */
export interface FullPayment extends StoredPayment {
  readonly calls: readonly Attempt[];
}

/** Reads payments. */
export interface PaymentReader {
  find(orderId: string): Promise<FullPayment | undefined>;
  /** Returns up to `limit` payments, newest first, after a position or from the newest. */
  page(options: {
    readonly customerId: string | undefined;
    readonly state: PaymentState | undefined;
    readonly after: PaymentPosition | undefined;
    readonly limit: number;
  }): Promise<StoredPayment[]>;
}

/** Changes that are committed together. */
export interface PaymentTransaction extends Pick<PaymentReader, 'find'> {
  /** Locks the payments of these orders until the end of the transaction; returns them by order id. */
  lock(orderIds: readonly string[]): Promise<Map<string, Payment>>;
  /** Locks the waiting charges of these orders like `lock`; must be called before `lock`. */
  lockWaiting(orderIds: readonly string[]): Promise<Map<string, Waiting>>;
  /** Locks up to `limit` due payments, the longest due first; skips those that are locked already. */
  lockDue(now: Date, limit: number): Promise<Payment[]>;
  /** When the next payment is due. */
  nextDueTime(): Promise<Date | undefined>;
  /** Stores outcomes of calls; returns those that were not stored before. */
  endCalls(ended: readonly EndedCall[], now: Date): Promise<EndedCall[]>;
  /** Adds changes to what is committed. `traces`: the new trace of each payment, by order id. */
  save(changes: Changes, now: Date, traces?: ReadonlyMap<string, string>): void;
}

/** The order service. */
export interface Orders {
  /** Whether the order exists. Throws when the order service is unavailable. */
  exists(orderId: string): Promise<boolean>;
}

/** The payment gateway. */
export interface Gateway {
  /** Makes a call for a payment. Never throws: errors are outcomes. */
  call(payment: DuePayment, call: Call): Promise<Outcome>;
}
