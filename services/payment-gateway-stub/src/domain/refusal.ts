/** The reason of a refused call; callers see these names. */
export type RefusalReason = 'CHARGE_NOT_REFUNDABLE' | 'REQUEST_ID_REUSED';

/** The call is refused, and nothing was done. The message is sent to the caller. */
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
