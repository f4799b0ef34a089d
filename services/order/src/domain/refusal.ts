/** The reason of a refused request; callers see these names. */
export type RefusalReason =
  | 'DEPENDENCY_UNAVAILABLE'
  | 'MESSAGE_TOO_LARGE'
  | 'ORDER_ALREADY_EXISTS'
  | 'ORDER_NEEDS_NO_ATTENTION'
  | 'ORDER_NOT_CANCELLABLE'
  | 'ORDER_NOT_FOUND'
  | 'ORDER_REFUSED'
  | 'RESUME_TOKEN_INVALID'
  | 'SLOW_CONSUMER'
  | 'TOO_MANY_WATCHERS'
  | 'WATCH_TOO_OLD';

/** One of the reasons for which an order is refused. */
export interface Violation {
  /** A reason of a rejection, or OUT_OF_STOCK. */
  readonly type: string;
  /** The field: a path into the order, such as `lines[2].quantity`. */
  readonly subject: string;
  /** The problem, for people. */
  readonly description: string;
}

/** The request is refused. The message is sent to the caller. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly reason: RefusalReason;
  /** The values that the refusal concerns, for programs. */
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

/** The refusal of a request about an order that does not exist. */
export function orderNotFound(orderId: string): Refusal {
  return new Refusal('ORDER_NOT_FOUND', `order ${orderId} does not exist`, {
    metadata: { order_id: orderId },
  });
}

/** The refusal of an order that is too large for its topic. `cause` contains the size. */
export function orderTooLarge(cause: Error): Refusal {
  return new Refusal('MESSAGE_TOO_LARGE', `${cause.message}; order less at once`, { cause });
}
