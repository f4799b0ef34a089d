/** The reason of a refused request; callers see these names. */
export type RefusalReason = 'NOTIFICATION_NOT_FOUND' | 'CUSTOMER_NOT_FOUND' | 'CUSTOMER_WITHOUT_ADDRESS';

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
