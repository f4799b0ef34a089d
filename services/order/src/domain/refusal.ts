/** Why a request is refused; the names that callers see. */
export type RefusalReason = 'ORDER_NOT_FOUND' | 'ORDER_NOT_CANCELLABLE' | 'ORDER_NEEDS_NO_ATTENTION';

/** The request cannot be granted as it was made. The message is for the caller. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly reason: RefusalReason;
  /** The values the refusal is about, for programs to read. */
  readonly metadata: Readonly<Record<string, string>>;

  constructor(
    reason: RefusalReason,
    message: string,
    details: { readonly metadata?: Readonly<Record<string, string>> } = {},
  ) {
    super(message);
    this.reason = reason;
    this.metadata = details.metadata ?? {};
  }
}

/** The refusal of what is asked about an order that is not there. */
export function orderNotFound(orderId: string): Refusal {
  return new Refusal('ORDER_NOT_FOUND', `there is no order ${orderId}`, { metadata: { order_id: orderId } });
}
