import { Code, ConnectError, type Interceptor } from '@connectrpc/connect';
import { errorReason, isOwnError, rpcError } from './errors.ts';

/**
 * Classifies the error of one attempt:
 * - a response of the peer stays unchanged, also one that we refuse to read (over `readMaxBytes`) or cannot read
 * - a peer that says OVERLOADED or RATE_LIMITED becomes UNAVAILABLE: it did nothing, and the call can be repeated later
 * - the caller's cancellation and our time limits stay unchanged
 * - everything else becomes UNAVAILABLE, reason DEPENDENCY_UNAVAILABLE: the connection, or something in between that is
 *   not the peer, such as a proxy's error page
 *
 * Connect's client, and ours, give those many codes: ABORTED for a reset, CANCELED when the socket closes during a
 * call (Node resets its streams with CANCEL), INTERNAL for GOAWAY, for an unreachable network and for a response
 * without a status, INVALID_ARGUMENT for a truncated response, UNKNOWN or UNIMPLEMENTED for a page.
 */
export function normalizeTransportError(reason: unknown, signal: AbortSignal, name: string): ConnectError {
  const error = ConnectError.from(reason);
  if (isTooMuch(error)) {
    const what = errorReason(error) === 'OVERLOADED' ? 'overloaded' : 'it takes fewer calls of us';
    return rpcError('DEPENDENCY_UNAVAILABLE', `${name}: ${what}`, {}, [], error);
  }
  const isResponse = error.isWireError || isUnreadableResponse(error);
  const isOurs =
    isOwnError(error) ||
    error.code === Code.DeadlineExceeded ||
    (error.code === Code.Canceled && signal.aborted);
  if (isResponse || isOurs) return error;
  return rpcError('DEPENDENCY_UNAVAILABLE', `${name}: no response`, {}, [], error);
}

/** Whether a peer has refused a call, without doing anything, because it gets too many. */
export function isTooMuch(error: unknown): boolean {
  if (!(error instanceof ConnectError) || !error.isWireError) return false;
  const reason = errorReason(error);
  return reason === 'OVERLOADED' || reason === 'RATE_LIMITED';
}

/**
 * Corrects two codes that Connect's client sets by itself. INVALID_ARGUMENT for a truncated response becomes INTERNAL:
 * the request is not at fault. CANCELED for a stream that the peer has reset after the deadline becomes
 * DEADLINE_EXCEEDED: some servers reset it when their own timer fires, which may be before ours.
 */
export const correctedErrors: Interceptor = (next) => async (req) => {
  const deadline = performance.now() + timeoutOf(req.header);
  const corrected = (reason: unknown) =>
    correctedError(reason, req.signal.aborted ? Number.POSITIVE_INFINITY : deadline);
  try {
    const res = await next(req);
    return res.stream ? { ...res, message: withCorrected(res.message, corrected) } : res;
  } catch (error) {
    throw corrected(error);
  }
};

async function* withCorrected<T>(messages: AsyncIterable<T>, corrected: (reason: unknown) => ConnectError) {
  try {
    yield* messages;
  } catch (error) {
    throw corrected(error);
  }
}

/** See {@link correctedErrors}. `deadline` is a time of `performance.now()`. */
export function correctedError(reason: unknown, deadline: number): ConnectError {
  const error = ConnectError.from(reason);
  const as = (code: Code) => new ConnectError(error.rawMessage, code, error.metadata, undefined, error);
  if (error.isWireError) return error;
  if (error.code === Code.InvalidArgument) return as(Code.Internal);
  if (error.code !== Code.Canceled || performance.now() < deadline) return error;
  return as(Code.DeadlineExceeded);
}

const unitMs: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/** The time limit that a request carries, in milliseconds; infinite when it has none. */
export function timeoutOf(header: Headers): number {
  const connect = header.get('connect-timeout-ms');
  if (connect !== null) return Number(connect);
  const [, digits, unit = ''] = /^(\d+)([HMSmun])$/.exec(header.get('grpc-timeout') ?? '') ?? [];
  return digits === undefined ? Number.POSITIVE_INFINITY : Number(digits) * (unitMs[unit] ?? 1);
}

/**
 * A complete response that is too large, or is not the message: repeating does not help. Only the texts identify it.
 */
function isUnreadableResponse(error: ConnectError): boolean {
  return error.code === Code.ResourceExhausted
    ? error.rawMessage.includes('readMaxBytes')
    : error.rawMessage.startsWith('parse binary');
}

/** The system calls before the first byte of a call. */
const connecting = new Set(['connect', 'getaddrinfo']);

/** Errors of calls without a token that the peer accepts: neither reason nor cause says that they were not sent. */
const withoutToken = new WeakSet<ConnectError>();

/** Creates the error of a call for which there is no token that the peer accepts: an outage, see {@link wasNotSent}. */
export function noToken(text: string, cause: unknown): ConnectError {
  const error = rpcError('DEPENDENCY_UNAVAILABLE', text, {}, [], cause);
  withoutToken.add(error);
  return error;
}

/**
 * Whether a call failed before the peer could act on it: the circuit was open, too many calls were in flight, no
 * connection could be made, it had no token that the peer accepts, or the peer refused it because it gets too many.
 * After any other failure it may have acted on the call. For a call with several attempts this concerns the last attempt
 * only.
 */
export function wasNotSent(error: unknown): boolean {
  if (!(error instanceof ConnectError) || !isOwnError(error)) return false;
  if (withoutToken.has(error)) return true;
  const reason = errorReason(error);
  if (reason === 'CIRCUIT_OPEN' || reason === 'TOO_MANY_CALLS') return true;
  return isTooMuch(error.cause) || failedToConnect(error.cause);
}

function failedToConnect(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  // A name with several addresses: all of them failed.
  if (error instanceof AggregateError) return error.errors.every(failedToConnect);
  if ('syscall' in error) return connecting.has(String(error.syscall));
  return failedToConnect(error.cause);
}
