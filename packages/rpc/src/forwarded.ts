import type { DescMethod, DescMethodUnary } from '@bufbuild/protobuf';
import {
  type CallOptions,
  Code,
  ConnectError,
  type ConnectRouter,
  type HandlerContext,
  type Transport,
} from '@connectrpc/connect';
import { codeToString } from '@connectrpc/connect/protocol-connect';
import {
  BadRequestSchema,
  ErrorInfoSchema,
  PreconditionFailureSchema,
  RetryInfoSchema,
} from '@orderflow/contracts/google/rpc/error_details';
import { callerKey } from './access/caller.ts';
import { callerHeader, statedCallerOf } from './caller-id.ts';
import { errorDomain, errorInfo, isOwnError, rpcError } from './errors.ts';

/** Methods of another service that this server serves as REST, too, by calling that service. */
export interface Forwarded {
  /** Unary methods; of these, those that have a `google.api.http` annotation are served. */
  readonly methods: readonly DescMethod[];
  readonly transport: Transport;
}

/**
 * Registers a handler for each of the methods.
 * @throws Error when one is a stream
 */
export function addForwarded(router: ConnectRouter, forwarded: readonly Forwarded[]): void {
  for (const { methods, transport } of forwarded) {
    for (const method of methods) {
      if (!isUnary(method)) throw new Error(`${method.name} is a stream: it cannot be forwarded`);
      addMethod(router, method, transport);
    }
  }
}

function isUnary(method: DescMethod): method is DescMethodUnary {
  return method.methodKind === 'unary';
}

function addMethod(router: ConnectRouter, method: DescMethodUnary, transport: Transport): void {
  router.rpc(method, async (request, context) => {
    const { signal, timeoutMs } = callOptions(context);
    try {
      return (await transport.unary(method, signal, timeoutMs, headersOf(context), request)).message;
    } catch (error) {
      throw passedOn(error);
    }
  });
}

/** The other service verifies the caller itself: it gets the same token. */
function headersOf(context: HandlerContext): Record<string, string> {
  const caller = context.values.get(callerKey);
  const stated = caller ? caller.onBehalfOf : statedCallerOf(context);
  const token = context.requestHeader.get('authorization');
  return {
    ...(stated !== undefined && { [callerHeader]: stated }),
    ...(token !== null && { authorization: token }),
  };
}

/**
 * How a call is made for the call that is handled, with a token of ours: on behalf of its caller, and no longer than it
 * lasts.
 */
export function callOptions(context: HandlerContext): CallOptions {
  const timeoutMs = context.timeoutMs();
  const caller = context.values.get(callerKey);
  const name = caller ? (caller.onBehalfOf ?? caller.subject).slice(0, 128) : statedCallerOf(context);
  return {
    signal: context.signal,
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(name !== undefined && { headers: { [callerHeader]: name } }),
  };
}

/** The details that errors have. */
const detailSchemas = [BadRequestSchema, PreconditionFailureSchema, RetryInfoSchema] as const;

/**
 * Converts the error of a call of another service, so that the caller gets what that service says: its code, text,
 * reason and details. One without a reason becomes that of its code where there is such a reason, or has the code as its
 * reason where that says what is wrong with the request. Any other error is returned unchanged: that of the client
 * already says that the service is unavailable, and the rest is a bug.
 */
export function passedOn(error: unknown): unknown {
  if (!(error instanceof ConnectError) || isOwnError(error)) return error;
  const info = errorInfo(error);
  return info === undefined ? withReason(error) : withInfo(error, info.reason, info.metadata);
}

function withReason(error: ConnectError): ConnectError {
  const { rawMessage: text } = error;
  switch (error.code) {
    case Code.DeadlineExceeded:
      return rpcError('DEADLINE_EXCEEDED', text, {}, [], error);
    case Code.Unavailable:
      return rpcError('DEPENDENCY_UNAVAILABLE', text, {}, [], error);
    case Code.Unimplemented:
      return rpcError('UNIMPLEMENTED', text, {}, [], error);
    default:
      return aboutRequest.has(error.code) ? withInfo(error, codeToString(error.code).toUpperCase()) : error;
  }
}

/** Codes that say what is wrong with a request: the code alone is reason enough. */
const aboutRequest: ReadonlySet<Code> = new Set([
  Code.InvalidArgument,
  Code.NotFound,
  Code.AlreadyExists,
  Code.FailedPrecondition,
  Code.Aborted,
  Code.OutOfRange,
]);

/** The error of another service, with this reason, as this one sends it. */
function withInfo(error: ConnectError, reason: string, metadata: Record<string, string> = {}): ConnectError {
  return new ConnectError(
    error.rawMessage,
    error.code,
    undefined,
    [
      { desc: ErrorInfoSchema, value: { reason, domain: errorDomain, metadata } },
      ...detailSchemas.flatMap((desc) => error.findDetails(desc).map((value) => ({ desc, value }))),
    ],
    error,
  );
}
