import { Code, ConnectError } from '@connectrpc/connect';
import { errorReason, isOwnError, rpcError } from './errors.ts';

/**
 * What went wrong with one try, told apart:
 * - what the peer answered stays as it is, also an answer that we refuse to read (over `readMaxBytes`) or cannot read
 * - the caller's cancel and our time limits stay as they are
 * - everything else is UNAVAILABLE, reason DEPENDENCY_UNAVAILABLE: the connection, or something on the way that is not
 *   the peer, such as a proxy's page
 *
 * Connect's client gives those many codes: ABORTED for a reset, CANCELED when the socket closes under a call (Node
 * resets its streams with CANCEL), INTERNAL for GOAWAY, for an unreachable network and for a reply without a status,
 * INVALID_ARGUMENT for half a reply, UNKNOWN or UNIMPLEMENTED for a page.
 */
export function normalizeTransportError(reason: unknown, signal: AbortSignal, name: string): ConnectError {
  const error = ConnectError.from(reason);
  const isAnswer = error.isWireError || isUnreadableAnswer(error);
  const isOurs =
    isOwnError(error) ||
    error.code === Code.DeadlineExceeded ||
    (error.code === Code.Canceled && signal.aborted);
  if (isAnswer || isOurs) return error;
  return rpcError('DEPENDENCY_UNAVAILABLE', `${name}: no answer`, {}, [], error);
}

/** A whole reply that is too large, or is not the message: repeating does not mend it. Only the texts tell. */
function isUnreadableAnswer(error: ConnectError): boolean {
  return error.code === Code.ResourceExhausted
    ? error.rawMessage.includes('readMaxBytes')
    : error.rawMessage.startsWith('parse binary');
}

/** The system calls that come before the first byte of a call. */
const connecting = new Set(['connect', 'getaddrinfo']);

/**
 * Whether a call failed before anything of it was sent: the circuit was open, too many calls were under way, or no
 * connection could be made. After any other failure the peer may have acted on the call.
 * Of a call that was tried several times it speaks of the last try only.
 */
export function wasNotSent(error: unknown): boolean {
  if (!(error instanceof ConnectError) || !isOwnError(error)) return false;
  const reason = errorReason(error);
  return reason === 'CIRCUIT_OPEN' || reason === 'TOO_MANY_CALLS' || failedToConnect(error.cause);
}

function failedToConnect(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  // A name with several addresses: each of them failed.
  if (error instanceof AggregateError) return error.errors.every(failedToConnect);
  if ('syscall' in error) return connecting.has(String(error.syscall));
  return failedToConnect(error.cause);
}
