import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { setTimeout as delay } from 'node:timers/promises';
import type { DescMethod } from '@bufbuild/protobuf';
import type { ContextValues } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { Health as HealthService } from '@orderflow/contracts/grpc/health/v1/health';
import { ServerReflection } from '@orderflow/contracts/grpc/reflection/v1/reflection';
import { ServerReflection as ServerReflectionV1Alpha } from '@orderflow/contracts/grpc/reflection/v1alpha/reflection';
import { createAccessGate } from './access/access.ts';
import { acceptedCompressions, createAdmissionGate, guardHandlers } from './admission.ts';
import { maxRequestBytes } from './admitted.ts';
import { allowBrowser } from './browser-access.ts';
import { createCallLimit } from './call-limit.ts';
import { createCallGate, createServerInterceptor } from './calls.ts';
import { contextValuesOf } from './connection.ts';
import { reportCuts } from './cut-connections.ts';
import { checkTimeout, giveDeadline, limitDeadline, limitReading } from './deadlines.ts';
import { errorReasons, rpcError } from './errors.ts';
import { addForwarded } from './forwarded.ts';
import { healthRoutes } from './health-service.ts';
import type { HttpRequest, HttpResponse } from './http.ts';
import { canBeCall } from './http-calls.ts';
import { createPages, isHealthPage, sendFailure, sendMalformed } from './http-pages.ts';
import { createListener } from './listener.ts';
import { type Charge, createMemoryBudget } from './memory-budget.ts';
import { createOpenStreams } from './open-streams.ts';
import { overloaded, reportRefusals } from './overloaded.ts';
import { reflectionRoutes } from './reflection.ts';
import { createStreamRefusals } from './refused-streams.ts';
import { cutResponse, cutStream, cutWhenStalled, type OpenResponse, responseKey, sent } from './responses.ts';
import { createRest, type Rest, type ServedRoute } from './rest/rest.ts';
import { restMessages } from './rest/rest-call.ts';
import type { Match } from './rest/route-table.ts';
import { defaultRpcServerLimits, type RpcServer, type RpcServerOptions } from './server-options.ts';
import { encodingTrailers } from './trailers.ts';
import { createUnaryGrpc } from './unary-grpc.ts';
import { within } from './within.ts';

/** The time for the responses of aborted calls, and for the last bytes to be sent. */
const FAREWELL_MS = 250;

/** Below this, compressing takes more time than sending: services call each other for a few KiB at most. */
const COMPRESS_MIN_BYTES = 16 * 1024;

/** Serves gRPC, gRPC-Web, Connect and REST, over HTTP/1.1 and cleartext HTTP/2, with health, reflection and metrics. */
export function createRpcServer(options: RpcServerOptions): RpcServer {
  const { service, health, logger, cors, forwarded = [] } = options;
  const limits = { ...defaultRpcServerLimits, ...options.limits };
  const { declaredReasons = true, defaultDeadline = true, accessRules = true } = options.policies ?? {};
  const services = [...options.services, HealthService, ServerReflection, ServerReflectionV1Alpha];
  const serviceNames = services.map((desc) => desc.typeName);
  const forwardedMethods = forwarded.flatMap(({ methods }) => methods);
  const [closing, shutdown] = [new AbortController(), new AbortController()];
  let port: number | undefined;

  const called = accessRules
    ? [...options.services.flatMap(({ methods }) => methods), ...forwardedMethods]
    : [];
  const accessGate = createAccessGate(options, called);
  const callLimit = createCallLimit(limits.maxCalls);
  const countRefusal = reportRefusals(logger, options.meter);
  const refuseStream = createStreamRefusals(options.meter, countRefusal);
  const gate = createCallGate({
    logger,
    meter: options.meter,
    declaredReasons,
    check(context) {
      if (closing.signal.aborted) throw rpcError('SHUTTING_DOWN', 'the server is stopping');
      checkTimeout(context, limits.maxTimeoutMs);
      const overload = callLimit.refusal(context.method);
      if (overload) throw overloaded(overload);
      return accessGate?.admit(context);
    },
    onOverload: countRefusal,
  });
  const maxBytes = (method: DescMethod) => limits.readMaxBytes ?? maxRequestBytes(method);
  const responses = new WeakMap<HttpRequest, OpenResponse>();
  const budget = createMemoryBudget(limits.memoryBytes);
  const admissionGate = createAdmissionGate(maxBytes);

  const interceptor = createServerInterceptor({
    logger,
    ...{ limit: callLimit, closing: closing.signal },
    meanings: options,
    declaredReasons,
  });
  const handlerOptions = {
    readMaxBytes: Math.max(
      ...[...services.flatMap(({ methods }) => methods), ...forwardedMethods].map(maxBytes),
    ),
    acceptCompression: [...acceptedCompressions],
    compressMinBytes: COMPRESS_MIN_BYTES,
    // Unknown fields would take memory, and would change the hash that identifies a repeated request.
    binaryOptions: { readUnknownFields: false },
  };

  const unaryGrpc = createUnaryGrpc({
    gate,
    interceptor,
    handlerOptions,
    maxBytes,
    requestTimeoutMs: limits.requestTimeoutMs,
    shutdown: shutdown.signal,
    onFault: (error) => logger.error({ err: error }, 'response failed'),
  });
  let rest!: Rest;
  const handleRpc = connectNodeAdapter({
    ...handlerOptions,
    routes(connectRouter) {
      const router = unaryGrpc.recording(connectRouter);
      options.routes(router);
      const openStreams = createOpenStreams();
      healthRoutes({ health, serviceNames, closing: closing.signal, openStreams })(router);
      const { idleTimeoutMs } = limits;
      reflectionRoutes({ services, closing: closing.signal, openStreams, idleTimeoutMs })(router);
      const own = [...router.handlers];
      // Not with the router that records what gRPC serves.
      addForwarded(connectRouter, forwarded);
      rest = createRest({
        ...{ services, forwarded: forwardedMethods, maxBytes, compressMinBytes: COMPRESS_MIN_BYTES },
        handlers: [...router.handlers],
        adapters: options.restAdapters ?? [],
        reasons: { ...errorReasons, ...options.reasons },
      });
      router.handlers.splice(0, Infinity, ...guardHandlers(own));
    },
    contextValues: (nodeRequest) => contextValuesFor(nodeRequest as HttpRequest),
    shutdownSignal: shutdown.signal,
    async requestGate(context) {
      encodingTrailers(context.responseTrailer);
      await gate(context);
      await admissionGate(context);
    },
    interceptors: [restMessages, interceptor],
    fallback: (nodeRequest, nodeResponse) =>
      handlePage(nodeRequest as HttpRequest, nodeResponse as HttpResponse),
  });
  const methods = new Map<string, DescMethod>(
    services.flatMap((desc) =>
      desc.methods.map((method) => [`/${desc.typeName}/${method.name}`, method] as const),
    ),
  );

  const handleUnknown = createPages({
    ...{ service, serviceNames, health, declaredReasons },
    prometheus: options.prometheus,
    hasManagementPort: options.hasManagementPort ?? false,
    ...{ rest, eventDocs: options.eventDocs },
  });

  function handleRequest(req: HttpRequest, res: HttpResponse): void {
    const path = req.url?.split('?', 1)[0] ?? '';
    const method = methods.get(path);
    const match = method ? undefined : rest.find(req.method ?? '', path);
    const called = match && 'route' in match ? match.route.method : method;
    const charge = chargeFor(req.rawHeaders, path, called, () => cutResponse(req, res));
    if (!charge) {
      countRefusal('memory');
      // Nothing was done, which clients of HTTP/2 recognise by this code.
      cutResponse(req, res, constants.NGHTTP2_REFUSED_STREAM);
      return;
    }
    res.once('close', charge.release);
    const cut = () => cutForMemory(req.url, () => cutResponse(req, res));
    responses.set(req, { charge, cut, sent: () => sent(res) });
    if (cors && allowBrowser(req, res, cors)) return;
    if (method && !canBeCall(req, res, method)) return;
    if (called) setDeadline(req.headers, called);
    const readsMany = method?.methodKind === 'client_streaming' || method?.methodKind === 'bidi_streaming';
    if (!readsMany) limitReading(req, limits.requestTimeoutMs);
    try {
      if (match) handleRest(req, res, match);
      else handleRpc(req, res);
    } catch (error) {
      // Connect builds a URL from the Host header, and throws from the request handler when it is invalid.
      logger.debug({ err: error, host: req.headers.host }, 'request refused');
      sendMalformed(res, match !== undefined);
    }
  }

  /** A path that is neither an RPC nor a REST route. */
  function handlePage(req: HttpRequest, res: HttpResponse): void {
    const holdResponse = (bytes: number) => responses.get(req)?.charge.holdResponse(bytes) ?? true;
    handleUnknown(req, res, holdResponse).catch((error: unknown) => {
      logger.error({ err: error, path: req.url }, 'page failed');
      sendFailure(res);
    });
  }

  function handleRest(req: HttpRequest, res: HttpResponse, match: Match<ServedRoute>): void {
    rest.serve(req, res, match, contextValuesFor(req)).catch((error: unknown) => {
      logger.error({ err: error, path: req.url }, 'response failed');
      sendFailure(res);
    });
  }

  function contextValuesFor(req: HttpRequest): ContextValues {
    const http2 = 'stream' in req ? (req.stream as ServerHttp2Stream) : undefined;
    return contextValuesOf(http2, () => req.socket.destroy()).set(responseKey, responses.get(req));
  }

  /** Handles most calls between services; does for them what `handleRequest` and Connect do for the others. */
  function handleStream(
    http2: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    rawHeaders: readonly string[],
  ): boolean {
    const target = unaryGrpc.targetOf(headers);
    if (target === undefined) return false;
    const { method } = target.method;
    const path = headers[':path'] ?? '';
    const charge = chargeFor(rawHeaders, path, method, () => cutStream(http2));
    if (!charge) {
      countRefusal('memory');
      cutStream(http2, constants.NGHTTP2_REFUSED_STREAM);
      return true;
    }
    http2.on('close', charge.release);
    const overload = callLimit.refusal(method);
    if (overload) {
      refuseStream(http2, method, overload);
      return true;
    }
    cutWhenStalled(http2, limits.responseStallMs, () => {
      onStalled(path);
      cutStream(http2);
    });
    setDeadline(headers, method);
    const response = { charge, cut: () => cutForMemory(path, () => cutStream(http2)) };
    const values = contextValuesOf(http2, () => http2.destroy()).set(responseKey, response);
    unaryGrpc.serve(target, { http2, headers, response, values });
    return true;
  }

  /** Charges for any request, of a call, a page or neither; undefined when there is no memory for it. */
  function chargeFor(
    rawHeaders: readonly string[],
    path: string,
    method: DescMethod | undefined,
    cut: () => void,
  ): Charge | undefined {
    let headerBytes = 0;
    for (const text of rawHeaders) headerBytes += text.length;
    const isHealthCheck = method
      ? method.parent === HealthService && method.methodKind === 'unary'
      : isHealthPage(path);
    return isHealthCheck ? budget.openHealthCheck(headerBytes, cut) : budget.open(headerBytes);
  }

  function setDeadline(headers: HttpRequest['headers'], method: DescMethod): void {
    if (defaultDeadline && method.methodKind === 'unary') giveDeadline(headers, limits.maxTimeoutMs);
    limitDeadline(headers, method);
  }

  function cutForMemory(url: string | undefined, cut: () => void): void {
    logCut(url, 'the memory to buffer it for its client is exhausted');
    cut();
  }

  function onStalled(url: string | undefined): void {
    logCut(url, `its client read nothing of it for ${limits.responseStallMs} ms`);
  }

  function logCut(url: string | undefined, why: string): void {
    logger.warn({ path: url?.split('?', 1)[0] }, `response cut: ${why}`);
  }

  const handlers = { request: handleRequest, stream: handleStream };
  const listener = createListener(handlers, limits, reportCuts(logger, options.meter), onStalled);

  return {
    name: 'rpc-server',

    get port() {
      if (port === undefined) throw new Error('the RPC server has no port before it has started');
      return port;
    },

    async start() {
      port = await listener.listen(options.host, options.port);
      logger.info({ host: options.host, port, services: serviceNames }, 'RPC server listens');
    },

    async stop() {
      health.drain();
      listener.drain();
      await delay(options.drainMs);
      closing.abort(rpcError('SHUTTING_DOWN', 'the server is stopping'));
      listener.close();
      const finished = await within(options.graceMs, listener.idle());
      if (!finished) {
        logger.warn({ grace_ms: options.graceMs }, 'calls in flight are aborted: the grace period is over');
        shutdown.abort(rpcError('SHUTTING_DOWN', 'the server is stopping; the call was aborted'));
        await within(FAREWELL_MS, listener.idle());
      }
      await within(FAREWELL_MS, listener.flushed());
      listener.destroy();
    },
  };
}
