import type { Reservation } from './domain/reservation.ts';
import type { Stock, StockAdjustment } from './domain/stock.ts';

/** The state of a reservation, to be told to the order service and to payment. */
export interface Answer {
  readonly reservation: Reservation;
  /** Of the event that it answers. */
  readonly traceparent: string;
}

/** What a slice of events has changed. */
export interface ReservationChanges {
  /** Of orders that had none before. */
  readonly opened: readonly Reservation[];
  /** Of orders that had one before: only state and time are new. */
  readonly moved: readonly Reservation[];
  readonly stock: readonly Stock[];
  /** In the order in which they are to be told. */
  readonly answers: readonly Answer[];
}

/** Reservations and the stock under them: what happens all together or not at all. */
export interface ReservationTransaction {
  /** Those of the orders that have one. Nobody else can change them before this transaction ends. */
  lockReservations(orderIds: readonly string[]): Promise<Reservation[]>;
  /** Those of the products that were ever stocked. Nobody else can change them before this transaction ends. */
  lockStock(productIds: readonly string[]): Promise<Stock[]>;
  /** @throws ReservedMeanwhile */
  write(changes: ReservationChanges): Promise<void>;
}

/** Runs the work in one transaction, which is undone when the work throws. */
export type InReservationTransaction = <T>(
  work: (transaction: ReservationTransaction) => Promise<T>,
) => Promise<T>;

/** Another process has opened a reservation of this slice since it was looked for. Doing the slice again finds it. */
export class ReservedMeanwhile extends Error {
  override readonly name = 'ReservedMeanwhile';
}

/** A change of stock by hand. */
export interface StockTransaction {
  /** The stock, also of a product that was never stocked. Nobody else can change it before this transaction ends. */
  lock(productId: string): Promise<Stock>;
  write(stock: Stock, adjustment: StockAdjustment): Promise<void>;
}

/** Where stock is read. */
export interface StockReader {
  /** Those of the products that were ever stocked, in any order. */
  find(productIds: readonly string[]): Promise<Stock[]>;
  /**
   * Up to `limit` in the order of product ids, from the one after `afterId` or the first; only those of which at most
   * `availableAtMost` can still be ordered, if that is given.
   */
  page(page: {
    readonly availableAtMost: bigint | undefined;
    readonly afterId: string | undefined;
    readonly limit: number;
  }): Promise<Stock[]>;
  /** Up to `limit` changes by hand of a product, newest first, from the one before `beforeId` or the last. */
  adjustments(page: {
    readonly productId: string;
    readonly beforeId: bigint | undefined;
    readonly limit: number;
  }): Promise<StoredAdjustment[]>;
}

/** An adjustment with its place in the list of all: higher is newer. */
export interface StoredAdjustment extends StockAdjustment {
  readonly id: bigint;
}

/** Where reservations are read. */
export interface ReservationReader {
  find(orderId: string): Promise<Reservation | undefined>;
}
