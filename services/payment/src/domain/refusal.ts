/** Why a request is refused; the names that callers see. */
export type RefusalReason = 'PAYMENT_NOT_FOUND' | 'PAYMENT_NOT_REFUNDABLE' | 'PAYMENT_NOT_REFUSED';

/** The request cannot be granted as it was made. The message is for the caller. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly reason: RefusalReason;
  /** The values the refusal is about, for programs to read. */
  readonly metadata: Readonly<Record<string, string>>;

  constructor(reason: RefusalReason, message: string, metadata: Record<string, string>) {
    super(message);
    this.reason = reason;
    this.metadata = metadata;
  }
}
