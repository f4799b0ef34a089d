/**
 * A request that its caller can repeat: asked again, it is answered as the first time. packages/rpc reads it from a
 * call, packages/storage keeps its answer; this is what the two share.
 */
export interface RepeatableRequest {
  /** Request ids are unique per caller and method only. */
  readonly callerId: string;
  /** Full name, such as `orderflow.enrichment.v1.CustomerService/CreateCustomer`. */
  readonly method: string;
  readonly requestId: string;
  /** Equal for requests that ask for the same. */
  readonly contentHash: Uint8Array;
}

/**
 * `answer`: the bytes of the response message. `reused`: the request id came with other content before, so that there
 * is no answer to this request.
 */
export type KeptAnswer =
  | { readonly kind: 'answer'; readonly bytes: Uint8Array }
  | { readonly kind: 'reused' };

/**
 * The answer this request was given before; else does the work and keeps what it answers. Bound to a transaction, which
 * an error of the work must undo: a refused request is judged anew when it is repeated.
 * Without a request the work is done every time.
 */
export type AnswerOnce = (
  request: RepeatableRequest | undefined,
  work: () => Promise<Uint8Array>,
) => Promise<KeptAnswer>;

/**
 * Like {@link AnswerOnce} for many requests in one transaction, each of which succeeds or fails by itself. The work gets
 * the places of those that were not answered before, and answers for each: undefined when it is refused, so that nothing
 * is kept. Answers in the order of the requests, undefined for those refused. No two may have the same request id.
 */
export type AnswerEachOnce = (
  requests: readonly (RepeatableRequest | undefined)[],
  work: (places: readonly number[]) => Promise<ReadonlyMap<number, Uint8Array | undefined>>,
) => Promise<(KeptAnswer | undefined)[]>;

/** The answer this request was given before, if any. */
export type FindAnswer = (request: RepeatableRequest) => Promise<KeptAnswer | undefined>;

/**
 * Runs the work in one transaction, which is undone when the work throws. `answerOnce` belongs to that transaction.
 * Implemented by a service's outbound, called by its inbound; use cases are given the transaction.
 */
export type InTransaction<Transaction> = <T>(
  work: (transaction: Transaction, answerOnce: AnswerOnce) => Promise<T>,
) => Promise<T>;
