import type { EnrichedOrder } from '@orderflow/contracts/orderflow/order/v1/enriched_order';

/** A row of `orders`, as far as it is checked. Amounts in minor units. */
export interface OrderFact {
  readonly id: string;
  readonly state: string;
  /** How many events it has told. */
  readonly version: number;
  readonly total: bigint | undefined;
  /** Who has created it over RPC. */
  readonly callerId: string | undefined;
  readonly needsAttention: string | undefined;
  readonly deadlineTime: Date | undefined;
  readonly refunded: boolean;
}

/** The MongoDB document of an order, as far as it is checked. Amounts are decimal numbers, such as `12.99`. */
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

/** An event of an order, as it lies on `order-events`. */
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
  /** The sum of all changes by hand, the first filling included. */
  readonly adjusted: bigint;
}

/** A reservation, with how many it asks for of each product. */
export interface ReservationFact {
  readonly orderId: string;
  readonly state: string;
  readonly lines: ReadonlyMap<string, bigint>;
}

/** A row of `payment`. */
export interface PaymentFact {
  readonly orderId: string;
  readonly state: string;
  readonly amount: bigint | undefined;
  /** Somebody vouches that nothing of it is kept, whatever the gateway's ledger says. */
  readonly isSettledByHand: boolean;
}

/** A movement of money in the gateway's ledger; `CHARGE` takes, `VOID` and `REFUND` give back. */
export interface LedgerFact {
  readonly kind: string;
  readonly chargeKey: string;
  readonly orderId: string;
  readonly amount: bigint;
}

/** A record, compared by its bytes. */
export interface RecordFact {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

/** A dead letter, and where it came from, as `topic/partition/offset`. */
export interface LetterFact extends RecordFact {
  /** Where it lies. */
  readonly position: string;
  readonly source: string;
  readonly reason: string;
  readonly orderId: string | undefined;
}

/** A record on `orders`, and the order id in it, if one can be read. */
export interface SubmissionFact extends RecordFact {
  /** `topic/partition/offset` */
  readonly position: string;
  readonly orderId: string | undefined;
  /** What it orders, equal for the same order; undefined when that is too bad to be said. */
  readonly content: string | undefined;
}

/** What the order service says was ordered. */
export interface OrderedFact {
  readonly content: string | undefined;
  /** The record that it was read from; undefined when that is not there any more. */
  readonly value: Buffer | null | undefined;
}

/** An answer to CreateOrder that is kept for repeats of the call. */
export interface AnswerFact {
  readonly callerId: string;
  readonly requestId: string;
  /** The order it names. */
  readonly orderId: string | undefined;
}

/** Everything that the stores of a system say, read while it is at rest. */
export interface Facts {
  readonly orders: ReadonlyMap<string, OrderFact>;
  /** The decision of every order that has one, as its history holds it. */
  readonly decisions: ReadonlyMap<string, EnrichedOrder>;
  /** By order: from its decision, or from what is kept of it until there is one. */
  readonly ordered: ReadonlyMap<string, OrderedFact>;
  readonly answers: readonly AnswerFact[];
  readonly documents: ReadonlyMap<string, DocumentFact>;
  readonly events: readonly EventFact[];
  readonly stock: readonly StockFact[];
  readonly reservations: ReadonlyMap<string, ReservationFact>;
  readonly payments: ReadonlyMap<string, PaymentFact>;
  readonly ledger: readonly LedgerFact[];
  readonly submissions: readonly SubmissionFact[];
  readonly letters: readonly LetterFact[];
  /** The records that dead letters say they came from, by `topic/partition/offset`, where they still exist. */
  readonly sources: ReadonlyMap<string, RecordFact>;
  readonly now: Date;
}
