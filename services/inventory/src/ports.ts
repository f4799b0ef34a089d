import type { Reservation } from './domain/reservation.ts';
import type { Stock, StockAdjustment } from './domain/stock.ts';

/** The state of a reservation, to be published to the order service and payment. */
export interface Reply {
  readonly reservation: Reservation;
  /** The trace of the event that it replies to. */
  readonly traceparent: string;
}

/** The changes of a batch of events. */
export interface ReservationChanges {
  /** New reservations. */
  readonly opened: readonly Reservation[];
  /** Existing reservations: only state and time are new. */
  readonly moved: readonly Reservation[];
  readonly stock: readonly Stock[];
  /** In the order in which they are published. */
  readonly replies: readonly Reply[];
}

/** Reservations and their stock, committed together. */
export interface ReservationTransaction {
  /**
   * Locks the existing reservations of these orders until the end of the transaction, then the existing stock of the
   * products in them and of `productIds`.
   */
  lock(
    orderIds: readonly string[],
    productIds: readonly string[],
  ): Promise<{ readonly reservations: readonly Reservation[]; readonly stock: readonly Stock[] }>;
  /** Adds changes to what is committed. */
  write(changes: ReservationChanges): void;
}

/**
 * Runs the work in one transaction, which is rolled back when the work throws.
 * @throws ConcurrentReservationError
 */
export type InReservationTransaction = <T>(
  work: (transaction: ReservationTransaction) => Promise<T>,
) => Promise<T>;

/** Another process has inserted a reservation of this batch since it was read. Handling the batch again finds it. */
export class ConcurrentReservationError extends Error {
  override readonly name = 'ConcurrentReservationError';
}

/** A manual change of stock. */
export interface StockTransaction {
  /** Locks the stock until the end of the transaction, also of a product that was never stocked. */
  lock(productId: string): Promise<Stock>;
  /** Adds the change to what is committed. */
  write(stock: Stock, adjustment: StockAdjustment): void;
}

/** Reads stock. */
export interface StockReader {
  /** Returns the existing stock of these products, in any order. */
  find(productIds: readonly string[]): Promise<Stock[]>;
  /**
   * Returns up to `limit` items in the order of product ids, after `afterId` or from the first; only those of which at
   * most `availableAtMost` can still be ordered, if that is given.
   */
  page(page: {
    readonly availableAtMost: bigint | undefined;
    readonly afterId: string | undefined;
    readonly limit: number;
  }): Promise<Stock[]>;
  /** Returns up to `limit` manual changes of a product, newest first, before `beforeId` or from the newest. */
  adjustments(page: {
    readonly productId: string;
    readonly beforeId: bigint | undefined;
    readonly limit: number;
  }): Promise<StoredAdjustment[]>;
}

/** An adjustment with its position in the list of all: higher is newer. */
export interface StoredAdjustment extends StockAdjustment {
  readonly id: bigint;
}

/** Reads reservations. */
export interface ReservationReader {
  find(orderId: string): Promise<Reservation | undefined>;
}
