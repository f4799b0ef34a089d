import { randomUUID } from 'node:crypto';
import { Code, ConnectError } from '@connectrpc/connect';
import type { Ending } from './call-end.ts';
import { type ErrorReason, isOwnError, type ReasonDeclaration, rpcError } from './errors.ts';
import { withShortEchoes } from './short-text.ts';

/** Which errors of its handlers a server shows to callers; any other is a bug. */
export interface ErrorMeanings {
  /**
   * Whether an error says that a store is unavailable. The caller gets DEPENDENCY_UNAVAILABLE; the error is logged.
   */
  readonly isOutage?: (error: unknown) => boolean;
  /** Converts a refusal of the service to the error that the caller gets, see `refusalErrors`. */
  readonly refusalError?: (error: unknown) => ConnectError | undefined;
  /** The reasons that the service declares, for the HTTP statuses of its refusals. */
  readonly reasons?: Readonly<Record<string, ReasonDeclaration>>;
}

/** Converts an error of a handler to the one that the caller gets. */
export function showable(error: unknown, ending: Ending, meanings: ErrorMeanings): ConnectError {
  const isOwn = error instanceof ConnectError && isOwnError(error);
  // Reading was aborted here: Connect then aborts the call as if the caller had disconnected, but the error says why.
  const readingEnded = isOwn && !(ending.reason instanceof ConnectError);
  if (ending.aborted && !readingEnded) return ConnectError.from(ending.reason, Code.Canceled);
  if (isOwn) return error;
  if (error instanceof ConnectError) {
    // Connect's own error for a method that is not implemented. Other errors without a reason are bugs, including
    // errors of a peer that were passed on.
    const leftOut = error.code === Code.Unimplemented && !error.isWireError;
    return leftOut ? giveReason(error, { entered: true }) : internalError(error);
  }
  const refused = meanings.refusalError?.(error);
  if (refused) return refused;
  if (meanings.isOutage?.(error)) {
    return rpcError('DEPENDENCY_UNAVAILABLE', 'a store is unavailable: repeat later', {}, [], error);
  }
  return internalError(error);
}

function internalError(cause: unknown): ConnectError {
  return rpcError('INTERNAL', '', { error_id: randomUUID() }, [], cause);
}

/**
 * Returns the error unchanged when it has a reason; otherwise turns it, in place, into the declared error for it.
 */
export function giveReason(error: ConnectError, call: { entered: boolean }): ConnectError {
  if (isOwnError(error) || error.code === Code.Canceled) return error;
  const reason = reasonOf(error.code, call);
  const better =
    reason === 'INTERNAL'
      ? internalError(error.cause ?? new Error(error.rawMessage))
      : rpcError(reason, withShortEchoes(error.rawMessage), {}, [], error.cause);
  const { code, message, rawMessage, details, cause } = better;
  return Object.assign(error, { code, message, rawMessage, details, cause });
}

function reasonOf(code: Code, call: { entered: boolean }): ErrorReason {
  switch (code) {
    case Code.InvalidArgument:
      return 'MALFORMED_REQUEST';
    case Code.ResourceExhausted:
      return 'MESSAGE_TOO_LARGE';
    case Code.Unimplemented:
      return 'UNIMPLEMENTED';
    case Code.DeadlineExceeded:
      return 'DEADLINE_EXCEEDED';
    default:
      // Connect uses "internal" for bytes that do not parse. After the handler has begun it can only be the response.
      return call.entered ? 'INTERNAL' : 'MALFORMED_REQUEST';
  }
}
