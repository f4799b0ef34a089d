/** The reason of a refused request; callers see these names. */
export type RefusalReason = 'PAYMENT_NOT_FOUND' | 'PAYMENT_NOT_REFUNDABLE' | 'PAYMENT_NOT_REFUSED';

/** The request is refused. The message is sent to the caller. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly reason: RefusalReason;
  /** The values that the refusal concerns, for programs. */
  readonly metadata: Readonly<Record<string, string>>;

  constructor(reason: RefusalReason, message: string, metadata: Record<string, string>) {
    super(message);
    this.reason = reason;
    this.metadata = metadata;
  }
}
