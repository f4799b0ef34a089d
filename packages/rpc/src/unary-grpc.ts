import type { IncomingHttpHeaders } from 'node:http2';
import { create, type DescMethod, type Message } from '@bufbuild/protobuf';
import {
  type ConnectRouter,
  createMethodImplSpec,
  createServiceImplSpec,
  type HandlerContext,
  type Interceptor,
  type MethodImplSpec,
  type UnaryRequest,
  type UnaryResponse,
} from '@connectrpc/connect';
import {
  compressionNegotiate,
  createMethodSerializationLookup,
  createMethodUrl,
  type UniversalHandlerOptions,
  validateUniversalHandlerOptions,
} from '@connectrpc/connect/protocol';
import { parseTimeout } from '@connectrpc/connect/protocol-grpc';
import { UnaryCall, type UnaryMethod, type UnaryStream } from './unary-call.ts';

/** Serves gRPC calls of unary methods over HTTP/2, but not all of them: the others are left to Connect. */
export interface UnaryGrpc {
  /** Returns the router with which the methods have to be registered. */
  recording(router: ConnectRouter): ConnectRouter;
  /** What is called; undefined when the request is not such a call, or is unusual in any way. */
  targetOf(headers: IncomingHttpHeaders): UnaryTarget | undefined;
  /** Serves a call. Its headers may have got another deadline after `targetOf`. */
  serve(target: UnaryTarget, request: Pick<UnaryStream, 'http2' | 'headers' | 'response' | 'values'>): void;
}

/** What a call is for. */
export interface UnaryTarget {
  readonly method: UnaryMethod;
  readonly url: string;
}

export function createUnaryGrpc(options: {
  gate: (context: HandlerContext) => void | Promise<void>;
  interceptor: Interceptor;
  /** The options that Connect has, too. */
  handlerOptions: Partial<UniversalHandlerOptions>;
  maxBytes: (method: DescMethod) => number;
  requestTimeoutMs: number;
  /** Aborts the calls in flight. */
  shutdown: AbortSignal;
  onFault: (error: unknown) => void;
}): UnaryGrpc {
  const { gate, interceptor, maxBytes, requestTimeoutMs, shutdown, onFault } = options;
  const handlerOptions = validateUniversalHandlerOptions(options.handlerOptions);
  const { acceptCompression, compressMinBytes, binaryOptions } = handlerOptions;
  const methods = new Map<string, UnaryMethod>();
  const compressionFor = remembering(
    (accepted) => compressionNegotiate(acceptCompression, null, accepted, '').response,
  );
  const open = new Set<UnaryCall>();
  shutdown.addEventListener('abort', () => {
    for (const call of open) call.abort(shutdown.reason);
  });

  function add(spec: MethodImplSpec, own: Partial<UniversalHandlerOptions> = {}): void {
    // Calls are in protobuf, so that options for JSON do not matter.
    const { jsonOptions: _, ...others } = own;
    if (spec.kind !== 'unary' || Object.keys(others).length > 0) return;
    const { method, impl } = spec;
    const serialization = createMethodSerializationLookup(method, binaryOptions, undefined, handlerOptions);
    const { parse } = serialization.getI(true);
    const { serialize } = serialization.getO(true);
    // Of the response only the message is used, by the interceptor too.
    const intercepted = interceptor(async (req) => {
      const call = req as unknown as UnaryCall;
      return { message: create(method.output, await impl(call.message as Message, call)) } as UnaryResponse;
    });
    const handle = (call: UnaryCall) =>
      intercepted(call as unknown as UnaryRequest) as Promise<UnaryResponse>;
    const path = createMethodUrl('/', method);
    methods.set(path, {
      ...{ method, maxBytes: maxBytes(method), compressMinBytes, handle, parse, serialize },
      ...{ gate, requestTimeoutMs, open, onFault },
      urlAt: remembering((authority) => URL.parse(path, `http://${authority}`)?.href),
    });
  }

  return {
    recording: (router) => {
      const both: ConnectRouter = {
        handlers: router.handlers,
        service(service, implementation, own) {
          router.service(service, implementation, own);
          for (const spec of Object.values(createServiceImplSpec(service, implementation).methods))
            add(spec, own);
          return both;
        },
        rpc(method, impl, own) {
          router.rpc(method, impl, own);
          add(createMethodImplSpec(method, impl), own);
          return both;
        },
      };
      return both;
    },

    targetOf(headers) {
      const method = methods.get(headers[':path'] ?? '');
      const contentType = headers['content-type'];
      const timeout = timeoutOf(headers);
      const isPlain =
        headers[':method'] === 'POST' &&
        (contentType === 'application/grpc' || contentType === 'application/grpc+proto') &&
        (headers['grpc-encoding'] ?? 'identity') === 'identity' &&
        timeout.error === undefined &&
        headers.expect === undefined &&
        // A page of another origin.
        headers.origin === undefined;
      if (method === undefined || !isPlain) return undefined;
      const authority = headers[':authority'] ?? headers.host;
      const url = authority === undefined ? undefined : method.urlAt(authority);
      return url === undefined ? undefined : { method, url };
    },

    serve({ method, url }, { http2, headers, response, values }) {
      const { timeoutMs } = timeoutOf(headers);
      const compression = compressionFor(String(headers['grpc-accept-encoding'] ?? ''));
      new UnaryCall(method, { http2, headers, response, values, url, timeoutMs, compression }).begin();
    },
  };
}

const parsedTimeout = remembering((timeout) => parseTimeout(timeout, Number.MAX_SAFE_INTEGER));

function timeoutOf(headers: IncomingHttpHeaders): ReturnType<typeof parseTimeout> {
  const timeout = headers['grpc-timeout'];
  return timeout === undefined ? {} : parsedTimeout(String(timeout));
}

/** Gives the last result again for the same text: peers send the same header with call after call. */
function remembering<T>(resultFor: (text: string) => T): (text: string) => T {
  let last: { text: string; result: T } | undefined;
  return (text) => {
    if (last?.text !== text) last = { text, result: resultFor(text) };
    return last.result;
  };
}
