import type { EnrichedOrder } from './domain/enriched-order.ts';
import type { Customer, Lookup, Product } from './domain/enrichment.ts';
import type { OrderInFull, OrderTransition, StoredOrder, SubmissionRecord } from './domain/order.ts';
import type { SagaOrder, Step } from './domain/order-step.ts';
import type { CancelReason, OrderEventName, OrderState } from './domain/saga.ts';
import type { ProductReference } from './domain/submission.ts';

/** Looks customers and products up in the enrichment API, or in copies that are fresh enough. */
export interface Enrichment {
  /**
   * Answers for every id asked for.
   * `fresh`: read from the API now, whatever copies there are; else a copy will do where there is one.
   */
  customers(ids: readonly string[], options: { fresh: boolean }): Promise<Map<string, Lookup<Customer>>>;
  /** Answers for every reference asked for, by its `referenceKey`. */
  products(
    references: readonly ProductReference[],
    options: { fresh: boolean },
  ): Promise<Map<string, Lookup<Product>>>;
}

/** An order that a record asks to be decided. */
export interface Candidate {
  readonly orderId: string;
  readonly customerId: string;
  /** The record that asks, as topic/partition/offset, and the trace it belongs to. */
  readonly cause: string;
  readonly traceparent: string | undefined;
  /** Equal for submissions of the same content; see `sameContentKey`. */
  readonly contentHash: Uint8Array;
  /** The record's value and content-type, to be sent again if the order has to wait for a person. */
  readonly submission: SubmissionRecord;
  /**
   * The decision to take should there be none yet. `invalid`: none can be made for as long as the enrichment API
   * answers wrongly, so the order is to wait for a person. `undefined`: none can be made now.
   */
  readonly decision: EnrichedOrder | { readonly invalid: string } | undefined;
}

/** What the store says of an order id, with the content that the stored order has. */
export type Settled = {
  readonly contentHash: Uint8Array;
} /** Decided now (`new`, or `pending` when it was stored undecided), or before. */ & (
  | { readonly kind: 'new' | 'pending' | 'decided'; readonly order: EnrichedOrder }
  /** Cancelled before it was decided: nothing to do. */
  | { readonly kind: 'closed' }
  /** Stored as PENDING that needs attention: the record is to be set aside. */
  | { readonly kind: 'invalid'; readonly cause: string }
  /** Stored as PENDING, and no candidate of its content brought a decision. */
  | { readonly kind: 'open' }
);

/** Where orders are decided: the order service's Postgres. */
export interface OrderStore {
  /**
   * Takes the decisions of a slice in one transaction, with their history and events, and answers by order id.
   * A decision stored before wins over the one given. Where several candidates have one id, the first claims it,
   * and the decision is taken from the one whose content is the stored order's. An id that is not stored, and
   * whose first candidate brings no decision, is absent from the answer.
   */
  decide(candidates: readonly Candidate[]): Promise<Map<string, Settled>>;
}

/** An order that a caller wants to have taken. */
export interface NewOrder {
  readonly orderId: string;
  readonly customerId: string;
  readonly callerId: string;
  /** See `contentHashOf`. */
  readonly contentHash: Uint8Array;
  /** What the worker will read. */
  readonly submission: SubmissionRecord;
  readonly traceparent: string | undefined;
}

/** Orders that are taken in one transaction. */
export interface IntakeTransaction {
  /**
   * Stores orders as PENDING and has their submissions sent to the worker. Answers each as it is stored: the new one,
   * or the one that has had its id before, untouched. No two may have the same id.
   */
  take(orders: readonly NewOrder[]): Promise<TakenOrder[]>;
}

/** An order as it is stored after it was to be taken. */
export interface TakenOrder {
  readonly isNew: boolean;
  readonly order: OrderInFull;
}

/** What callers do to an order, in one transaction. */
export interface OrderTransaction extends SagaTransaction, Pick<OrderReader, 'find'> {}

/** Which orders are wanted; what is left out does not matter. */
export interface OrderConditions {
  readonly customerId?: string | undefined;
  readonly state?: OrderState | undefined;
  /** At or after this time. */
  readonly createTimeFrom?: Date | undefined;
  /** Before this time. */
  readonly createTimeTo?: Date | undefined;
  /** Only those that a person has to look at. */
  readonly needsAttention: boolean;
}

/** What orders are listed by. */
export type OrderKey = Pick<StoredOrder, 'createTime' | 'orderId'>;

/** Where orders are read: the order service's Postgres, so that what was answered is seen. */
export interface OrderReader {
  find(orderId: string): Promise<OrderInFull | undefined>;
  /** Up to `limit` orders, newest first, from the one after `after` or the newest. */
  page(conditions: OrderConditions, after: OrderKey | undefined, limit: number): Promise<StoredOrder[]>;
  /** The steps of an order, oldest first; none when there is no such order. */
  history(orderId: string): Promise<OrderTransition[]>;
}

/** How much there is of products. */
export interface Stock {
  /**
   * How many of each product can be ordered now, by product id. Never throws: what cannot be read is absent.
   */
  available(productIds: readonly string[]): Promise<Map<string, bigint>>;
}

/** Which deadlines: of orders that wait for their decision, or for stock and payment. */
export type DeadlineKind = 'undecided' | 'decided';

/** All that there was to be told and read at one moment. */
export interface BacklogMark {
  readonly time: Date;
}

/** What the order service has not told or not read yet. */
export interface Backlog<Mark extends BacklogMark = BacklogMark> {
  /** Marks this moment, if there is an order that a deadline of this kind has come for. */
  mark(kind: DeadlineKind): Promise<Mark | undefined>;
  /** Whether all that was to be told and read at that moment has been. */
  isWorkedOff(mark: Mark): Promise<boolean>;
}

/** Orders in one transaction, in which all that is written happens or nothing does. */
export interface SagaTransaction {
  /** The orders of these ids that there are. Locked in id order: nobody else changes them before the end. */
  lock(orderIds: readonly string[]): Promise<Map<string, SagaOrder>>;
  /**
   * Up to `limit` orders that were to be looked at before this time, locked. Left out are those that somebody else has
   * locked, and those of which something is still to be told, unless Kafka refuses it for good: nobody will answer that.
   */
  lockDue(kind: DeadlineKind, before: Date, limit: number): Promise<SagaOrder[]>;
  /** Writes steps of locked orders, in this order: rows, history, and the events that tell them. */
  write(steps: readonly Step[]): Promise<void>;
}

/** Where decided orders are shown: MongoDB. */
export interface OrderDocuments {
  /**
   * Writes the documents of decided orders; repeating it changes nothing. Answers the ids of documents that the
   * server refuses to hold, with the reason, after all others were written. Throws when the server is in trouble.
   */
  show(orders: readonly EnrichedOrder[]): Promise<Map<string, string>>;
}

/** One step of an order's progress, as one of its events tells it. */
export interface ProgressStep {
  readonly orderId: string;
  readonly version: number;
  /** The name of the event. */
  readonly event: OrderEventName;
  readonly state: OrderState;
  readonly time: Date;
  /** Where the money is; undefined when there is nothing to pay. */
  readonly payment: { readonly state: PaymentProgress; readonly transactionId: string } | undefined;
  readonly cancelReason: CancelReason | undefined;
}

/** Where an order's money is: to be charged, charged, being undone, not charged or given back, refunded. */
export type PaymentProgress = 'AWAITED' | 'CHARGED' | 'BEING_UNDONE' | 'UNDONE' | 'REFUNDED';

/** How far orders have come, beside their documents in MongoDB. */
export interface OrderProgress {
  /**
   * Takes the steps; one that is not ahead of what is there changes nothing. Answers how many it had to write: decisions
   * are left to `OrderDocuments`.
   */
  advance(steps: readonly ProgressStep[]): Promise<number>;
}

/** A version of a customer that was announced. */
export interface CustomerVersion {
  readonly customerId: string;
  readonly version: bigint;
}

/** The copies of customers that the cache keeps. */
export interface CustomerCopies {
  /** From now on no copy older than these versions is used. Throws when that can't be made sure. */
  outdate(updates: readonly CustomerVersion[]): Promise<void>;
}

/** Keeps workers from deciding the same orders at the same time. A courtesy: nothing relies on it. */
export interface OrderLocks {
  /**
   * Takes the locks of these orders, waiting a little for those that others hold, then going on without them.
   * Never throws. The answer gives back what was taken.
   */
  acquire(orderIds: readonly string[]): Promise<() => Promise<void>>;
}
