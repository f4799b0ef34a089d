import type { ChangeLog } from './domain/change-log.ts';
import type { BehindPartition, DueOrder } from './domain/deadline.ts';
import type { Decision } from './domain/decision.ts';
import type { EnrichedOrder } from './domain/enriched-order.ts';
import type { Customer, Lookup, Product } from './domain/enrichment.ts';
import type { FullOrder, OrderTransition, StoredOrder, SubmissionRecord } from './domain/order.ts';
import type { CancelReason, OrderEventName, OrderState } from './domain/saga.ts';
import type { ProductReference } from './domain/submission.ts';
import type { SagaOrder, Transition } from './domain/transition.ts';

/** Looks up customers and products in the enrichment API, or in cache entries that are fresh enough. */
export interface Enrichment {
  /**
   * Returns a result for every id.
   * `fresh`: reads from the API, without the cache; otherwise fresh cache entries are used.
   */
  customers(ids: readonly string[], options: { fresh: boolean }): Promise<Map<string, Lookup<Customer>>>;
  /** Returns a result for every reference, by its `referenceKey`. */
  products(
    references: readonly ProductReference[],
    options: { fresh: boolean },
  ): Promise<Map<string, Lookup<Product>>>;
}

/** An order to decide, from a record. */
export interface Candidate {
  readonly orderId: string;
  readonly customerId: string;
  /** The record as topic/partition/offset, and its trace. */
  readonly cause: string;
  readonly traceparent: string | undefined;
  /** Equal for submissions with the same content; see `sameContentKey`. */
  readonly contentHash: Uint8Array;
  /** The record's value and content-type, to be resent if the order needs attention. */
  readonly submission: SubmissionRecord;
  /** The decision to make if there is none yet; undefined: none is possible now. */
  readonly decision: Decision | undefined;
}

/** The store's result for an order id, with the content of the stored order. */
export type Settled = {
  readonly contentHash: Uint8Array;
} /** Decided now (`new`, or `pending` when it was stored undecided), or before. */ & (
  | { readonly kind: 'new' | 'pending' | 'decided'; readonly order: EnrichedOrder }
  /** Cancelled before it was decided: nothing to do. */
  | { readonly kind: 'closed' }
  /** Stored as PENDING and needs attention: the record is dead-lettered. */
  | { readonly kind: 'invalid'; readonly cause: string }
  /** Stored as PENDING, and no candidate with its content has a decision. */
  | { readonly kind: 'open' }
);

/** The store in which orders are decided: the order service's Postgres. */
export interface OrderStore {
  /**
   * Stores the decisions of a batch in one transaction, with their history and events, and returns results by order id.
   * Their times are those of the database's clock, and never before earlier transitions of their orders. A stored
   * decision takes precedence over the given one. Of several candidates with one id, the first claims it, and the
   * decision is that of the candidate with the stored order's content. An id that is not stored, and whose first
   * candidate has no decision, is absent from the result.
   */
  decide(candidates: readonly Candidate[]): Promise<Map<string, Settled>>;
}

/** An order that a caller submits. */
export interface NewOrder {
  readonly orderId: string;
  readonly customerId: string;
  readonly callerId: string;
  /** See `contentHashOf`. */
  readonly contentHash: Uint8Array;
  /** The record that the worker will read. */
  readonly submission: SubmissionRecord;
  readonly traceparent: string | undefined;
}

/** Stores new orders in one transaction. */
export interface IntakeTransaction {
  /**
   * Stores orders as PENDING and sends their submissions to the worker. Returns each as it is stored: the new one, or
   * the unchanged earlier one with the same id. No two may have the same id.
   */
  take(orders: readonly NewOrder[]): Promise<IntakeResult[]>;
}

/** A stored order after an intake. */
export interface IntakeResult {
  readonly isNew: boolean;
  readonly order: FullOrder;
}

/** What callers can do to an order, in one transaction. */
export interface OrderTransaction extends SagaTransaction, Pick<OrderReader, 'find'> {}

/** Conditions of a list; an absent one matches every order. */
export interface OrderConditions {
  readonly customerId?: string | undefined;
  readonly state?: OrderState | undefined;
  /** At or after this time. */
  readonly createTimeFrom?: Date | undefined;
  /** Before this time. */
  readonly createTimeTo?: Date | undefined;
  /** Only those that need attention. */
  readonly needsAttention: boolean;
}

/** The sort key of lists. */
export type OrderKey = Pick<StoredOrder, 'createTime' | 'orderId'>;

/** Reads orders from the order service's Postgres, so that a caller sees its own writes. */
export interface OrderReader {
  /** `ownedBy`: only if it is of this customer. */
  find(orderId: string, ownedBy?: string | undefined): Promise<FullOrder | undefined>;
  /** Returns those of these orders that exist, by id. */
  findAll(orderIds: readonly string[]): Promise<Map<string, FullOrder>>;
  /** Like `findAll`, as `page` has them. */
  listAll(orderIds: readonly string[]): Promise<Map<string, StoredOrder>>;
  /** Returns up to `limit` orders, newest first, after `after` or from the newest. */
  page(conditions: OrderConditions, after: OrderKey | undefined, limit: number): Promise<StoredOrder[]>;
  /** Returns the transitions of an order, oldest first; none when the order does not exist. `ownedBy` as in `find`. */
  history(orderId: string, ownedBy?: string | undefined): Promise<OrderTransition[]>;
}

/** Whose changes are followed: one order's, those of a customer's orders, or of all. */
export type Followed =
  | { readonly kind: 'order'; readonly orderId: string }
  | { readonly kind: 'customer'; readonly customerId: string }
  | { readonly kind: 'all' };

/** Changes that are being followed, until disposed of. */
export interface FollowedChanges extends Disposable {
  readonly log: ChangeLog;
  /**
   * Waits for the next change of those followed, for at most `ms`. Returns whether there was one since the last call;
   * now and then it says so without one.
   * @throws Refusal DEPENDENCY_UNAVAILABLE when Kafka has become unavailable; the reason of the signal.
   */
  next(ms: number): Promise<boolean>;
}

/** The events of orders as this process reads them from Kafka, while they are followed. */
export interface OrderChanges {
  /**
   * Follows changes from now on: an event that is published after this call is a change. A change is committed before it
   * is in the log, so an order that is read then is at least as new.
   * @throws Refusal DEPENDENCY_UNAVAILABLE while Kafka is unavailable
   */
  follow(followed: Followed, signal: AbortSignal): Promise<FollowedChanges>;
}

/** Reads available stock. */
export interface Stock {
  /**
   * Returns the available quantity by product id. Never throws: a product that cannot be read is absent.
   */
  available(productIds: readonly string[]): Promise<Map<string, bigint>>;
}

/** Kinds of deadlines: of orders that wait for their decision, or for inventory and payment. */
export type DeadlineKind = 'undecided' | 'decided';

/** A moment up to which everything has to be published and read. */
export interface BacklogMark {
  readonly time: Date;
}

/** The events that the order service has not published or read yet. */
export interface Backlog<Mark extends BacklogMark = BacklogMark> {
  /** Marks this moment, if the deadline of an order of this kind has passed. */
  mark(kind: DeadlineKind): Promise<Mark | undefined>;
  /** Whether everything that had to be published and read at that moment has been. */
  isDrained(mark: Mark): Promise<boolean>;
}

/** The position of a group in one partition. */
export interface ReadPosition extends BehindPartition {
  /** The offset after the last record. */
  readonly end: bigint;
  /** The offset before which everything has been read or deleted. */
  readonly readTo: bigint;
}

/** Reads how far inventory and payment have read the events they reply to. */
export interface ParticipantProgress {
  /**
   * Reads the positions in all their partitions. `time`: by the database's clock, from before they were read.
   * `isAllPublished`: whether everything that the order service had to publish at the time `previous` has been published.
   */
  read(previous: Date | undefined): Promise<{
    readonly time: Date;
    readonly isAllPublished: boolean;
    readonly positions: readonly ReadPosition[];
  }>;
  /** The partition of an order's records in a topic with this many partitions. */
  partitionOf(orderId: string, partitions: number): number;
}

/** The sort key of due orders. */
export type DueKey = Pick<DueOrder, 'dueTime' | 'orderId'>;

/** Reads orders whose deadline has passed. */
export interface DueOrders {
  /**
   * Returns up to `limit` orders whose deadline was before this time, after `after`. Orders with unpublished events are
   * excluded, unless Kafka permanently refuses them: no reply will ever come.
   */
  page(kind: DeadlineKind, before: Date, after: DueKey | undefined, limit: number): Promise<DueOrder[]>;
}

/** Locks and writes orders in one transaction. */
export interface SagaTransaction {
  /**
   * Locks the existing orders with these ids, in id order: no other transaction changes them before the end.
   * `ownedBy`: only those of this customer.
   */
  lock(orderIds: readonly string[], ownedBy?: string | undefined): Promise<Map<string, SagaOrder>>;
  /** Locks those of these orders whose deadline was before this time; skips orders that are locked already. */
  lockDue(
    orderIds: readonly string[],
    before: Date,
  ): Promise<{ readonly order: SagaOrder; readonly due: DueOrder }[]>;
  /** Writes transitions of locked orders, in this order: rows, history, and the events that publish them. */
  write(transitions: readonly Transition[]): Promise<void>;
}

/** The read model of decided orders: MongoDB. */
export interface OrderDocuments {
  /**
   * Writes the documents of decided orders; idempotent. Returns the ids of documents that the server refuses, with the
   * reason, after all others have been written. Throws when the server is unavailable.
   */
  show(orders: readonly EnrichedOrder[]): Promise<Map<string, string>>;
}

/** One update of an order's progress, from one of its events. */
export interface ProgressUpdate {
  readonly orderId: string;
  readonly version: number;
  /** The name of the event. */
  readonly event: OrderEventName;
  readonly state: OrderState;
  readonly time: Date;
  /** The state of the payment; undefined when there is nothing to pay. */
  readonly payment: { readonly state: PaymentProgress; readonly transactionId: string } | undefined;
  readonly cancelReason: CancelReason | undefined;
}

/** The state of a payment: to be charged, charged, being undone, not charged or undone, refunded. */
export type PaymentProgress = 'AWAITED' | 'CHARGED' | 'BEING_UNDONE' | 'UNDONE' | 'REFUNDED';

/** The progress of orders, stored with their documents in MongoDB. */
export interface OrderProgress {
  /**
   * Writes the updates; one that is not newer than the stored progress changes nothing. Returns how many it had to
   * write: `OrderDocuments` writes decisions.
   */
  advance(transitions: readonly ProgressUpdate[]): Promise<number>;
}

/** A published version of a customer. */
export interface CustomerVersion {
  readonly customerId: string;
  readonly version: bigint;
}

/** The cached customers. */
export interface CustomerCache {
  /** Ensures that no entry older than these versions is used from now on. Throws when that cannot be ensured. */
  invalidate(updates: readonly CustomerVersion[]): Promise<void>;
}

/**
 * Reduces duplicate work: keeps workers from deciding the records of a partition at the same time. Correctness never
 * depends on it.
 */
export interface PartitionLocks {
  /**
   * Acquires the locks of these partitions; waits briefly for those that others hold, then takes them over.
   * Never throws. The returned function releases the locks that are still its own.
   */
  acquire(partitions: readonly string[]): Promise<() => Promise<void>>;
}
