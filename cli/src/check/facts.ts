import type { EnrichedOrder } from '@orderflow/contracts/orderflow/order/v1/enriched_order';

/** The checked fields of a row of `orders`. Amounts in minor units. */
export interface OrderFact {
  readonly id: string;
  readonly state: string;
  /** The number of its published events. */
  readonly version: number;
  readonly total: bigint | undefined;
  /** The caller that created it over RPC. */
  readonly callerId: string | undefined;
  readonly needsAttention: string | undefined;
  readonly deadlineTime: Date | undefined;
  readonly refunded: boolean;
}

/** The checked fields of an order's MongoDB document. Amounts are decimal numbers, such as `12.99`. */
export interface DocumentFact {
  readonly _id: string;
  readonly outcome?: string;
  readonly decide_time?: Date;
  readonly rejections?: readonly {
    readonly reason: string;
    readonly field: string;
    readonly message: string;
  }[];
  readonly customer?: { readonly customer_id: string; readonly name: string; readonly email: string };
  readonly lines?: readonly {
    readonly product: { readonly product_id: string; readonly sku: string; readonly name: string };
    readonly quantity: number;
    readonly unit_price: string;
    readonly amount: string;
  }[];
  readonly subtotal?: string;
  readonly tax?: string;
  readonly total?: string;
  readonly progress?: {
    readonly version: number;
    readonly state: string;
    readonly payment?: { readonly state: string };
  };
}

/** An event on `order-events`. */
export interface EventFact {
  readonly id: string;
  /** The message's short name, such as `OrderAccepted`. */
  readonly type: string;
  readonly orderId: string;
}

/** A row of `stock`. */
export interface StockFact {
  readonly productId: string;
  readonly onHand: bigint;
  readonly reserved: bigint;
  readonly committed: bigint;
  /** The sum of all manual changes, including the seed. */
  readonly adjusted: bigint;
  /** The sum over all open reservations. */
  readonly held: bigint;
  /** The sum over all committed reservations. */
  readonly left: bigint;
}

/** A reservation of an order. */
export interface ReservationFact {
  readonly orderId: string;
  readonly state: string;
}

/** An order that CustomerService has counted for a customer. */
export interface CountedFact {
  readonly orderId: string;
  readonly customerId: string;
}

/** The order count of a customer, and the number of orders that were counted for the customer. */
export interface OrderCountFact {
  readonly customerId: string;
  readonly orders: bigint;
  readonly counted: bigint;
}

/** A row of `payment`. */
export interface PaymentFact {
  readonly orderId: string;
  readonly state: string;
  readonly amount: bigint | undefined;
  /** An operator has confirmed that nothing of it is kept, whatever the gateway's ledger says. */
  readonly isSettledByHand: boolean;
}

/** A movement of money in the gateway's ledger; `CHARGE` takes money, `VOID` and `REFUND` return it. */
export interface LedgerFact {
  readonly kind: string;
  readonly chargeKey: string;
  readonly orderId: string;
  readonly amount: bigint;
}

/** A record, represented by the SHA-256 of its key and value; null where the record has none. */
export interface RecordFact {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

/** The source record of a dead letter. */
export interface SourceFact extends RecordFact {
  /** The digest of the whole record, see `contentDigest`. */
  readonly whole: string;
}

/** A dead letter, and its source as `topic/partition/offset`. */
export interface LetterFact extends RecordFact {
  /** Its own position. */
  readonly position: string;
  readonly source: string;
  readonly reason: string;
  readonly orderId: string | undefined;
  /** For a reduced dead letter: the digest of its whole source record, see `contentDigest`. */
  readonly whole: string | undefined;
  /** For a dead letter of a batch that cannot be decoded: the last offset of the batch. */
  readonly lastOffset: bigint | undefined;
}

/** A range of records that cannot be decoded. */
export interface UndecodableFact {
  readonly topic: string;
  readonly partition: number;
  readonly from: bigint;
  /** Included. */
  readonly last: bigint;
}

/** A record on `orders`, and its order id, if it can be read. */
export interface SubmissionFact extends RecordFact {
  /** `topic/partition/offset` */
  readonly position: string;
  readonly orderId: string | undefined;
  /** The content, equal for repeats; undefined when it is invalid. */
  readonly content: string | undefined;
}

/** The content of an order as the order service has stored it. */
export interface OrderedFact {
  readonly content: string | undefined;
  /** SHA-256 of its source record; undefined when that does not exist any more. */
  readonly value: Buffer | null | undefined;
}

/** A stored response of CreateOrder. */
export interface ResponseFact {
  readonly callerId: string;
  readonly requestId: string;
  /** The order in it. */
  readonly orderId: string | undefined;
}

/** All facts about some of the orders, read while nothing is in flight. */
export interface OrderFacts {
  readonly orders: ReadonlyMap<string, OrderFact>;
  /** The decision of every decided order, from its history. */
  readonly decisions: ReadonlyMap<string, EnrichedOrder>;
  /** By order: from its decision, or from the stored submission until there is one. */
  readonly ordered: ReadonlyMap<string, OrderedFact>;
  readonly responses: readonly ResponseFact[];
  readonly documents: ReadonlyMap<string, DocumentFact>;
  readonly events: readonly EventFact[];
  readonly reservations: ReadonlyMap<string, ReservationFact>;
  readonly payments: ReadonlyMap<string, PaymentFact>;
  readonly counted: ReadonlyMap<string, CountedFact>;
  /** The orders of which payment has received only one of the two events that a charge needs. */
  readonly waitingCharges: readonly string[];
  readonly ledger: readonly LedgerFact[];
  readonly submissions: readonly SubmissionFact[];
  /** The dead letters of these orders and submissions. */
  readonly letters: readonly LetterFact[];
  readonly now: Date;
}

/** Facts that do not belong to a single order. */
export interface SharedFacts {
  readonly stock: readonly StockFact[];
  readonly orderCounts: readonly OrderCountFact[];
  readonly letters: readonly LetterFact[];
  /** The source records of dead letters, by `topic/partition/offset`, where they still exist. */
  readonly sources: ReadonlyMap<string, SourceFact>;
  readonly undecodable: readonly UndecodableFact[];
}
