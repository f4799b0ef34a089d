import type { Payment } from './payment.ts';

/** What is to be paid for an order, by whom and for what. */
export interface Payable {
  readonly customerId: string;
  /** In minor units. */
  readonly amount: bigint;
  readonly currency: string;
  /** A hash of the products and their quantities. */
  readonly lines: string;
}

/**
 * A charge needs two events: OrderAccepted determines what is to be paid, InventoryReserved when. One of them has
 * arrived; until the other arrives with the same content, nothing is charged.
 */
export interface Waiting {
  readonly orderId: string;
  readonly state: 'WAITING';
  /** Which of the two has arrived. */
  readonly heard: 'OrderAccepted' | 'InventoryReserved';
  /** Its content. */
  readonly payable: Payable;
  /**
   * The record of an InventoryReserved, opaque to the rules: the one that waits, or one that OrderAccepted has refused.
   */
  readonly record: unknown;
}

/** What is stored about an order. */
export type PaymentRecord = Payment | Waiting;
