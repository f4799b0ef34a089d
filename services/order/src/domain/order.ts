import type { EnrichedOrder } from './enriched-order.ts';
import type { CancelReason, OrderState } from './saga.ts';

/** An order as it is stored. */
export interface StoredOrder {
  readonly orderId: string;
  readonly customerId: string;
  readonly state: OrderState;
  /** The amount to pay, in minor units of the configured currency; from its acceptance on. */
  readonly total: bigint | undefined;
  /** Why it needs attention. */
  readonly needsAttention: string | undefined;
  readonly cancelReason: CancelReason | undefined;
  readonly cancelDetail: string | undefined;
  /** The gateway's id of the charge. */
  readonly transactionId: string | undefined;
  readonly refunded: boolean;
  /** The number of its events published so far. */
  readonly version: number;
  readonly createTime: Date;
  readonly updateTime: Date;
}

/** An order with its decision or its submission. */
export interface FullOrder extends StoredOrder {
  /** The caller that created it by RPC; undefined for an order from Kafka. */
  readonly callerId: string | undefined;
  /** See `contentHashOf`. */
  readonly contentHash: Uint8Array;
  /** The decision; undefined before it. */
  readonly decided: EnrichedOrder | undefined;
  /** The submission that still has to be decided; undefined after the decision. */
  readonly submission: SubmissionRecord | undefined;
}

/** A submission as it is written to the topic `orders`. */
export interface SubmissionRecord {
  readonly value: Uint8Array;
  /** Undefined where its sender did not set it. */
  readonly contentType: string | undefined;
}

/** One transition of an order. */
export interface OrderTransition {
  /** Numbers the transitions of an order from 1. */
  readonly revision: number;
  readonly state: OrderState;
  readonly cause: string;
  /** The events that published it, oldest first: ids, and names such as `OrderAccepted`. */
  readonly events: readonly { readonly id: string; readonly type: string }[];
  readonly detail: string | undefined;
  readonly createTime: Date;
}
