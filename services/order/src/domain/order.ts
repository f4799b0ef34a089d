import type { EnrichedOrder } from './enriched-order.ts';
import type { CancelReason, OrderState } from './saga.ts';

/** An order as it is stored. */
export interface StoredOrder {
  readonly orderId: string;
  readonly customerId: string;
  readonly state: OrderState;
  /** What is to be paid, in minor units of the configured currency; from its acceptance on. */
  readonly total: bigint | undefined;
  /** Why a person has to look at it. */
  readonly needsAttention: string | undefined;
  readonly cancelReason: CancelReason | undefined;
  readonly cancelDetail: string | undefined;
  /** The gateway's name for the charge. */
  readonly transactionId: string | undefined;
  readonly refunded: boolean;
  /** How many of its events are told. */
  readonly version: number;
  readonly createTime: Date;
  readonly updateTime: Date;
}

/** An order with all that is in it. */
export interface OrderInFull extends StoredOrder {
  /** Who created it by RPC; undefined for an order that came by Kafka. */
  readonly callerId: string | undefined;
  /** See `contentHashOf`. */
  readonly contentHash: Uint8Array;
  /** What was decided; undefined before that. */
  readonly decided: EnrichedOrder | undefined;
  /** What asks for the decision; undefined once it is taken. */
  readonly submission: SubmissionRecord | undefined;
}

/** A submission as it is written on the topic `orders`. */
export interface SubmissionRecord {
  readonly value: Uint8Array;
  /** Undefined where its sender did not say it. */
  readonly contentType: string | undefined;
}

/** One step of an order. */
export interface OrderTransition {
  /** Counts the order's steps from 1. */
  readonly revision: number;
  readonly state: OrderState;
  readonly cause: string;
  /** The events that told it, oldest first: ids, and names such as `OrderAccepted`. */
  readonly events: readonly { readonly id: string; readonly type: string }[];
  readonly detail: string | undefined;
  readonly createTime: Date;
}
