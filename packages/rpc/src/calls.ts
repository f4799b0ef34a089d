import type { Message } from '@bufbuild/protobuf';
import {
  Code,
  ConnectError,
  type ContextKey,
  createContextKey,
  type HandlerContext,
  type Interceptor,
  type StreamRequest,
  type UnaryRequest,
} from '@connectrpc/connect';
import { codeToString } from '@connectrpc/connect/protocol-connect';
import { histogram, type Logger, type Meter, withNextSpan } from '@orderflow/runtime';
import { limitToOwn } from './access/access.ts';
import { createAudit } from './access/audit.ts';
import { callerKey } from './access/caller.ts';
import { isRepeatedRefusal } from './access/rate-limits.ts';
import { callerHasGone, type Ending } from './call-end.ts';
import type { CallLimit } from './call-limit.ts';
import { connectionKey } from './connection.ts';
import { errorInfo } from './errors.ts';
import { metric } from './metrics.ts';
import type { OverloadCause } from './overloaded.ts';
import { responseKey } from './responses.ts';
import { restCallKey } from './rest/rest-call.ts';
import { type ErrorMeanings, giveReason, showable } from './shown-errors.ts';
import { endOfStream } from './stream-end.ts';
import { fitTrailers } from './trailers.ts';
import { UnaryCall } from './unary-call.ts';
import { untilAborted } from './until-aborted.ts';
import { validateMessage } from './validation.ts';

/** The state of a call that the server handles. */
interface Call {
  readonly beganAt: number;
  /** The request was read completely, or is a stream that is being read. */
  entered: boolean;
  /** The handler produced its complete response. */
  responded: boolean;
  /** Of a unary call, for the audit. */
  request?: Message;
  response?: Message;
  /** Audits that it was carried out although it had ended without a response. */
  auditLate?: (response: Message) => void;
}

const callKey: ContextKey<Call | undefined> = createContextKey<Call | undefined>(undefined);

/**
 * Creates the gate that every call passes before its request is read. It measures and logs the call at its end, and it
 * gives the errors that Connect makes itself (limits, parsing, deadlines) a declared reason.
 *
 * Connect raises those outside the interceptors. It does abort the call's signal with the error before it writes the
 * error, in all three protocols, so they can still be changed then.
 */
export function createCallGate(options: {
  logger: Logger;
  meter: Meter | undefined;
  /** See `RpcServerPolicies`. */
  declaredReasons: boolean;
  /** Throws the error with which a call is refused before it is read, or rejects with it. */
  check: (context: HandlerContext) => void | Promise<void>;
  /** Called for each call that was refused as OVERLOADED. */
  onOverload: (cause: OverloadCause) => void;
}): (context: HandlerContext) => void | Promise<void> {
  const { logger, meter, declaredReasons, check, onOverload } = options;
  const durations = meter && histogram(meter, metric.rpcServerDuration);
  const audit = createAudit(logger);
  const isNews = createStreamNews();

  return (context) => {
    const call: Call = { beganAt: performance.now(), entered: false, responded: false };
    context.values.set(callKey, call);
    const ending = endingOf(context);
    if (ending.aborted) {
      // A deadline of zero: the call has ended before it begins.
      onEnd(context, call);
      throw ending.reason;
    }
    ending.addEventListener('abort', () => safely(context, call), { once: true });
    return check(context);
  };

  /** An error thrown by a listener would end the process. */
  function safely(context: HandlerContext, call: Call): void {
    try {
      onEnd(context, call);
    } catch (error) {
      logger.error({ err: error, rpc: context.method.name }, 'recording the end of a call failed');
    }
  }

  function onEnd(context: HandlerContext, call: Call): void {
    const ended = endingOf(context).reason;
    const reason = callerHasGone(ended) ? undefined : ended;
    if (reason instanceof ConnectError) {
      if (declaredReasons) giveReason(reason, call);
      fitTrailers(reason, context.values.get(connectionKey)?.headersMaxBytes());
    }
    const code = reason instanceof ConnectError ? reason.code : call.responded ? undefined : Code.Canceled;
    const ms = performance.now() - call.beganAt;
    const labels = {
      service: context.service.typeName,
      method: context.method.name,
      code: code === undefined ? 'ok' : codeToString(code),
      protocol: context.values.get(restCallKey) ? 'rest' : context.protocolName,
    };
    const isUnary = context.method.methodKind === 'unary';
    // How long a stream was open says nothing about how fast calls are.
    if (isUnary) durations?.record(ms / 1000, labels);
    const caller = context.values.get(callerKey);
    if (caller && !(reason instanceof ConnectError && isRepeatedRefusal(reason))) {
      const { request, response } = call;
      const outcome = code === undefined ? 'ok' : (errorInfo(reason)?.reason ?? labels.code);
      const audited = { method: context.method, caller, request };
      audit({ ...audited, response, outcome });
      call.auditLate = (late) => audit({ ...audited, response: late, outcome: 'ok' });
    }

    const line = () => ({
      rpc: `${labels.service}/${labels.method}`,
      code: labels.code,
      protocol: labels.protocol,
      ms: Math.round(ms * 10) / 10,
    });
    const info = code === Code.ResourceExhausted ? errorInfo(reason) : undefined;
    if (info?.reason === 'OVERLOADED' && info.metadata['cause'] !== undefined) {
      // Not a line for each: there are as many as callers send.
      onOverload(info.metadata['cause'] as OverloadCause);
      logger.debug({ ...line(), reason: info.reason }, 'call refused');
    } else if (info?.reason === 'RATE_LIMITED') {
      // The limits report that.
      logger.debug({ ...line(), reason: info.reason }, 'call refused');
    } else if (code === Code.Internal) {
      const cause = (reason as ConnectError).cause ?? reason;
      const err = cause instanceof Error ? cause : new Error(String(cause));
      logger.error({ ...line(), error_id: errorInfo(reason)?.metadata['error_id'], err }, 'call failed');
    } else if (code !== undefined && serverErrors.has(code) && (isUnary || isNews(labels.method, reason))) {
      const { rawMessage: text, cause } = reason as ConnectError;
      logger.warn(
        { ...line(), reason: errorInfo(reason)?.reason, text, ...(cause !== undefined && { err: cause }) },
        'call not served',
      );
    } else if (logger.isLevelEnabled('debug')) {
      logger.debug(line(), 'call');
    }
  }
}

/**
 * Returns a function that says whether to log how a stream ended. Streams all end at once, with the server, which says so
 * itself, or with what they show: of each cause one line a minute.
 */
function createStreamNews(): (method: string, reason: unknown) => boolean {
  const loggedAt = new Map<string, number>();
  return (method, error) => {
    const reason = errorInfo(error)?.reason;
    const cause = `${method} ${reason}`;
    const now = performance.now();
    if (reason === 'SHUTTING_DOWN' || now - (loggedAt.get(cause) ?? Number.NEGATIVE_INFINITY) < 60_000)
      return false;
    loggedAt.set(cause, now);
    return true;
  };
}

/** Codes that the operator should see; the other codes are results for the caller. */
const serverErrors = new Set([Code.Unavailable, Code.DeadlineExceeded, Code.ResourceExhausted]);

/**
 * Sets the trace context, validates requests, and converts errors to those that may be shown. See
 * {@link createCallGate}.
 */
export function createServerInterceptor(options: {
  logger: Logger;
  limit: CallLimit;
  /** Aborted when the server stops: streams end then. */
  closing: AbortSignal;
  meanings: ErrorMeanings;
  /** See `RpcServerPolicies`. */
  declaredReasons: boolean;
}): Interceptor {
  const { logger, limit, closing, meanings, declaredReasons } = options;

  function toSend(error: unknown, ending: Ending): unknown {
    return declaredReasons ? showable(error, ending, meanings) : error;
  }

  return (next) => (req) =>
    withNextSpan(traceparentOf(req), async () => {
      const call = req.contextValues.get(callKey);
      if (call) call.entered = true;
      const ending = endingOf(req);

      function onLateError(error: unknown): void {
        logger.debug({ err: error, rpc: req.url }, 'call failed after its end');
      }

      async function* responses<T>(messages: AsyncIterable<T>): AsyncGenerator<T> {
        const iterator = messages[Symbol.asyncIterator]();
        const response = req.contextValues.get(responseKey);
        using end = endOfStream(req, closing);
        const { ending } = end;
        // Not awaited: a generator that is blocked would delay the end of the call.
        const close = () => void iterator.return?.().catch(onLateError);
        // Also when nothing is taken any more: Connect waits for ever for a write to HTTP/1.1 that was just lost.
        ending.addEventListener('abort', close);
        try {
          for (;;) {
            const result = await untilAborted(iterator.next(), ending, onLateError);
            if (result.done) break;
            yield result.value;
            // Of a client that reads slowly one message waits here, not as many as a buffer holds.
            if (response?.sent) await untilAborted(response.sent(), ending, onLateError);
          }
          if (call) call.responded = true;
        } catch (error) {
          throw toSend(error, ending);
        } finally {
          close();
        }
      }

      try {
        // Its deadline has passed and the caller has its error: the handler is not called.
        if (ending.aborted) throw ending.reason;
        if (req.stream) {
          const res = await next({ ...req, message: checked(req, declaredReasons) });
          if (!res.stream) return res;
          return { ...res, message: responses(res.message) };
        }
        if (call) call.request = req.message;
        limitToOwn(req.method, req.message, req.contextValues);
        validateMessage(req.method.input, req.message);
        const work = limit.run(req.method, () => next(req));
        // It may continue after the caller got DEADLINE_EXCEEDED, and it holds the request.
        req.contextValues.get(responseKey)?.charge.keepFor(work);
        const res = await untilAborted(work, ending, onLateError, (late) => {
          if (!late.stream) call?.auditLate?.(late.message);
        });
        if (call) {
          call.responded = true;
          if (!res.stream) call.response = res.message;
        }
        return res;
      } catch (error) {
        throw toSend(error, ending);
      }
    });
}

function endingOf(req: UnaryRequest | StreamRequest | HandlerContext): Ending {
  return req instanceof UnaryCall ? req.ending : req.signal;
}

function traceparentOf(req: UnaryRequest | StreamRequest): string | undefined {
  // It makes an object of all headers only when a handler asks for them.
  return req instanceof UnaryCall
    ? req.headerValue('traceparent')
    : (req.header.get('traceparent') ?? undefined);
}

async function* checked(req: StreamRequest, declaredReasons: boolean): StreamRequest['message'] {
  try {
    for await (const message of req.message) {
      limitToOwn(req.method, message, req.contextValues);
      validateMessage(req.method.input, message);
      yield message;
    }
  } catch (error) {
    if (!declaredReasons) throw error;
    throw giveReason(ConnectError.from(error), { entered: false });
  }
}
