/** Why a request is refused; the names that callers see. */
export type RefusalReason =
  | 'DEPENDENCY_UNAVAILABLE'
  | 'ORDER_ALREADY_EXISTS'
  | 'ORDER_NEEDS_NO_ATTENTION'
  | 'ORDER_NOT_CANCELLABLE'
  | 'ORDER_NOT_FOUND'
  | 'ORDER_REFUSED';

/** One of the things for which an order is refused. */
export interface Violation {
  /** A reason of a rejection, or OUT_OF_STOCK. */
  readonly type: string;
  /** Where: a path into the order, such as `lines[2].quantity`. */
  readonly subject: string;
  /** What is wrong, for a person. */
  readonly description: string;
}

/** The request cannot be granted as it was made. The message is for the caller. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly reason: RefusalReason;
  /** The values the refusal is about, for programs to read. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly violations: readonly Violation[];

  constructor(
    reason: RefusalReason,
    message: string,
    details: {
      readonly metadata?: Readonly<Record<string, string>>;
      readonly violations?: readonly Violation[];
      /** For the log only. */
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, { cause: details.cause });
    this.reason = reason;
    this.metadata = details.metadata ?? {};
    this.violations = details.violations ?? [];
  }
}

/** The refusal of what is asked about an order that is not there. */
export function orderNotFound(orderId: string): Refusal {
  return new Refusal('ORDER_NOT_FOUND', `there is no order ${orderId}`, { metadata: { order_id: orderId } });
}
