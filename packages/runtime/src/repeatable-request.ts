/**
 * A request that its caller can repeat: the same response is returned each time. packages/rpc reads it from a call,
 * packages/storage stores its response; these are their shared types.
 */
export interface RepeatableRequest {
  /** Request ids are unique per caller and method only. */
  readonly callerId: string;
  /** Full name, such as `orderflow.enrichment.v1.CustomerService/CreateCustomer`. */
  readonly method: string;
  readonly requestId: string;
  /** Equal for requests with the same content. */
  readonly contentHash: Uint8Array;
}

/**
 * `response`: the bytes of the response message. `reused`: the request id was used before with other content, so there is
 * no response to this request.
 */
export type StoredResponse =
  | { readonly kind: 'response'; readonly bytes: Uint8Array }
  | { readonly kind: 'reused' };

/**
 * Returns the stored response of this request; if there is none, does the work and stores its response. Bound to a
 * transaction, which an error of the work must roll back: a refused request is evaluated again when it is repeated.
 * Without a request the work is done every time.
 */
export type RunIdempotent = (
  request: RepeatableRequest | undefined,
  work: () => Promise<Uint8Array>,
) => Promise<StoredResponse>;

/**
 * Like {@link RunIdempotent} for many requests in one transaction, each of which succeeds or fails on its own. The work
 * gets the indexes of the requests without a stored response, and returns a response for each, or undefined when the
 * request is refused, so that nothing is stored. Returns responses in the order of the requests, undefined for refused
 * requests. No two requests may have the same request id.
 */
export type RunEachIdempotent = (
  requests: readonly (RepeatableRequest | undefined)[],
  work: (indexes: readonly number[]) => Promise<ReadonlyMap<number, Uint8Array | undefined>>,
) => Promise<(StoredResponse | undefined)[]>;

/** Returns the stored response of this request, if any. */
export type FindResponse = (request: RepeatableRequest) => Promise<StoredResponse | undefined>;

/**
 * Runs the work in one transaction, which is rolled back when the work throws. `runIdempotent` belongs to that
 * transaction. Implemented by a service's outbound, called by its inbound; use cases are given the transaction.
 */
export type InTransaction<Transaction> = <T>(
  work: (transaction: Transaction, runIdempotent: RunIdempotent) => Promise<T>,
) => Promise<T>;
