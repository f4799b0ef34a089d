import { randomUUID } from 'node:crypto';
import {
  Code,
  ConnectError,
  type ContextKey,
  createContextKey,
  type HandlerContext,
  type Interceptor,
  type StreamRequest,
} from '@connectrpc/connect';
import { codeToString } from '@connectrpc/connect/protocol-connect';
import { childOf, histogram, type Logger, type Meter, metric, withTrace } from '@orderflow/runtime';
import { type ErrorReason, errorInfo, isOwnError, rpcError } from './errors.ts';
import { type Refusal, refusalError } from './refusal.ts';
import { untilAborted } from './until-aborted.ts';
import { validateMessage } from './validation.ts';

/** What is known of a call that the server handles. */
interface Call {
  readonly beganAt: number;
  /** The request was read whole, or is a stream that is being read. */
  entered: boolean;
  /** The handler gave its whole answer. */
  answered: boolean;
}

const callKey: ContextKey<Call | undefined> = createContextKey<Call | undefined>(undefined);

/**
 * What every call passes before its request is read. It measures and logs the call at its end, and it gives the errors
 * that Connect makes itself (limits, parsing, deadlines) a reason of the catalogue.
 *
 * Connect raises those outside the interceptors. It does abort the call's signal with the error before it writes the
 * error, in all three protocols, and that is where they can still be changed.
 */
export function createCallGate(options: {
  logger: Logger;
  meter: Meter | undefined;
  refuse: () => ConnectError | undefined;
}): (context: HandlerContext) => void {
  const { logger, meter, refuse } = options;
  const durations = meter && histogram(meter, metric.rpcServerDuration);

  return (context) => {
    const call: Call = { beganAt: performance.now(), entered: false, answered: false };
    context.values.set(callKey, call);
    context.signal.addEventListener('abort', () => onEnd(context, call), { once: true });
    const refusal = refuse();
    if (refusal) throw refusal;
  };

  function onEnd(context: HandlerContext, call: Call): void {
    const reason: unknown = callerHasGone(context.signal.reason) ? undefined : context.signal.reason;
    if (reason instanceof ConnectError) giveReason(reason, call);
    const code = reason instanceof ConnectError ? reason.code : call.answered ? undefined : Code.Canceled;
    const ms = performance.now() - call.beganAt;
    const labels = {
      service: context.service.typeName,
      method: context.method.name,
      code: code === undefined ? 'ok' : codeToString(code),
      protocol: context.protocolName,
    };
    durations?.record(ms / 1000, labels);

    const line = {
      rpc: `${labels.service}/${labels.method}`,
      code: labels.code,
      protocol: labels.protocol,
      ms: Math.round(ms * 10) / 10,
    };
    if (code === Code.Internal) {
      const cause = (reason as ConnectError).cause ?? reason;
      const err = cause instanceof Error ? cause : new Error(String(cause));
      logger.error({ ...line, error_id: errorInfo(reason)?.metadata['error_id'], err }, 'call failed');
    } else if (code !== undefined && serverTroubles.has(code)) {
      const { rawMessage: text, cause } = reason as ConnectError;
      logger.warn(
        { ...line, reason: errorInfo(reason)?.reason, text, ...(cause !== undefined && { err: cause }) },
        'call not served',
      );
    } else {
      logger.debug(line, 'call');
    }
  }
}

/** Whether the caller reset its stream. Connect tells by its wording only, and takes the caller's error code for ours. */
function callerHasGone(reason: unknown): boolean {
  return (
    reason instanceof ConnectError && reason.rawMessage.startsWith('http/2 stream closed with error code')
  );
}

/** What whoever runs the server should see; the other codes are answers to the caller. */
const serverTroubles = new Set([Code.Unavailable, Code.DeadlineExceeded, Code.ResourceExhausted]);

/** How a server tells which errors of its handlers a caller may see; any other is a bug. */
export interface ErrorMeanings {
  /**
   * Whether an error says that a store cannot be reached now. The caller gets DEPENDENCY_UNAVAILABLE; the error is
   * logged.
   */
  readonly isOutage?: (error: unknown) => boolean;
  /** The class of the service's refusals; the caller gets the error of the catalogue that has the refusal's name. */
  readonly refusal?: new (
    ...args: never[]
  ) => Refusal;
}

/** Trace context, validation, and errors that may be shown. Works with {@link createCallGate}. */
export function createServerInterceptor(options: { logger: Logger; meanings: ErrorMeanings }): Interceptor {
  const { logger, meanings } = options;

  return (next) => (req) =>
    withTrace({ traceparent: childOf(req.header.get('traceparent') ?? undefined) }, async () => {
      const call = req.contextValues.get(callKey);
      if (call) call.entered = true;

      function onLateError(error: unknown): void {
        logger.debug({ err: error, rpc: req.url }, 'call failed after its end');
      }

      async function* answers<T>(messages: AsyncIterable<T>): AsyncGenerator<T> {
        const iterator = messages[Symbol.asyncIterator]();
        try {
          for (;;) {
            const result = await untilAborted(iterator.next(), req.signal, onLateError);
            if (result.done) break;
            yield result.value;
          }
          if (call) call.answered = true;
        } catch (error) {
          throw showable(error, req.signal, meanings);
        } finally {
          // Not awaited: a generator that waits for something would hold up the end of the call.
          iterator.return?.().catch(onLateError);
        }
      }

      try {
        if (req.stream) {
          const res = await next({ ...req, message: checked(req) });
          if (!res.stream) return res;
          return { ...res, message: answers(res.message) };
        }
        validateMessage(req.method.input, req.message);
        const res = await untilAborted(next(req), req.signal, onLateError);
        if (call) call.answered = true;
        return res;
      } catch (error) {
        throw showable(error, req.signal, meanings);
      }
    });
}

async function* checked(req: StreamRequest): StreamRequest['message'] {
  try {
    for await (const message of req.message) {
      validateMessage(req.method.input, message);
      yield message;
    }
  } catch (error) {
    throw giveReason(ConnectError.from(error), { entered: false });
  }
}

/** What the caller may see of an error that came out of a handler. */
function showable(error: unknown, signal: AbortSignal, { isOutage, refusal }: ErrorMeanings): ConnectError {
  if (signal.aborted) return ConnectError.from(signal.reason, Code.Canceled);
  if (error instanceof ConnectError) {
    if (isOwnError(error)) return error;
    // Connect's answer for a method that the handler leaves out. Other errors without a reason, those of a peer
    // that were passed on among them, are bugs.
    const leftOut = error.code === Code.Unimplemented && !error.isWireError;
    return leftOut ? giveReason(error, { entered: true }) : internalError(error);
  }
  if (refusal && error instanceof refusal) return refusalError(error);
  if (isOutage?.(error)) {
    return rpcError('DEPENDENCY_UNAVAILABLE', 'a store cannot be reached: repeat later', {}, [], error);
  }
  return internalError(error);
}

function internalError(cause: unknown): ConnectError {
  return rpcError('INTERNAL', '', { error_id: randomUUID() }, [], cause);
}

/** The error as it was when it has a reason; else, changed in place, the one of the catalogue that fits it. */
function giveReason(error: ConnectError, call: { entered: boolean }): ConnectError {
  if (isOwnError(error) || error.code === Code.Canceled) return error;
  const reason = reasonOf(error.code, call);
  const better =
    reason === 'INTERNAL'
      ? internalError(error.cause ?? new Error(error.rawMessage))
      : rpcError(reason, error.rawMessage, {}, [], error.cause);
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
      // Connect calls bytes that do not parse "internal". After the handler has begun it can only be the answer.
      return call.entered ? 'INTERNAL' : 'MALFORMED_REQUEST';
  }
}
