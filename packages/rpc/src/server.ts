import { constants } from 'node:http2';
import { setTimeout as delay } from 'node:timers/promises';
import type { DescMethod, DescService } from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel as IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import type { ConnectRouter } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { Health as HealthService } from '@orderflow/contracts/grpc/health/v1/health';
import { ServerReflection } from '@orderflow/contracts/grpc/reflection/v1/reflection';
import { ServerReflection as ServerReflectionV1Alpha } from '@orderflow/contracts/grpc/reflection/v1alpha/reflection';
import type { Component, Health, Logger, Meter } from '@orderflow/runtime';
import { acceptedCompressions, createAdmission, maxRequestBytes } from './admission.ts';
import { allowBrowser, type BrowserAccess } from './browser-access.ts';
import { createCallGate, createServerInterceptor, type ErrorMeanings } from './calls.ts';
import { contextValuesOf } from './connection.ts';
import { contentTypeProblem, normalContentType } from './content-type.ts';
import { reportCuts } from './cut-connections.ts';
import { deadlineProblem, giveDeadline, limitDeadline } from './deadlines.ts';
import { rpcError } from './errors.ts';
import { healthRoutes } from './health-service.ts';
import type { HttpRequest, HttpResponse } from './http.ts';
import { createPages, sendFailure, sendMalformed, sendNotAllowed, sendNotSpoken } from './http-pages.ts';
import { createListener, type ListenerLimits } from './listener.ts';
import { type Charge, createMemoryBudget } from './memory-budget.ts';
import { createOpenStreams } from './open-streams.ts';
import { reflectionRoutes } from './reflection.ts';
import { cutResponse, type OpenResponse, openResponse, responseKey } from './responses.ts';

/** Limits against clients that send too much, too slowly or too often. */
export interface RpcServerLimits extends ListenerLimits {
  /** The largest request in bytes, also decompressed; absent: what the contract of each method allows. */
  readonly readMaxBytes?: number;
  /** The memory that requests may take until their responses have been sent; absent: a quarter of the heap. */
  readonly memoryBytes?: number;
  /** The longest deadline of a unary call, and the default for those without one. Streams are not limited. */
  readonly maxTimeoutMs: number;
}

export const defaultRpcServerLimits: RpcServerLimits = {
  maxTimeoutMs: 60_000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  responseStallMs: 30_000,
  idleTimeoutMs: 300_000,
  maxConnections: 1000,
  maxConnectionsPerAddress: 0,
  maxStreams: 256,
};

/** What the server adds to the protocols. All of it is on, except where a test needs the plain protocols. */
export interface RpcServerPolicies {
  /**
   * Every error has a declared reason, and any other error of a handler becomes INTERNAL, without text. Off:
   * errors are sent as the handler or Connect made them.
   */
  readonly declaredReasons: boolean;
  /** A unary call without a deadline gets the longest. */
  readonly defaultDeadline: boolean;
}

export interface RpcServerOptions extends ErrorMeanings {
  /** The name of the process in its responses, such as `enrichment-stub`. */
  readonly service: string;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Adds the implementations; see {@link services}. */
  readonly routes: (router: ConnectRouter) => void;
  /** The services that `routes` adds, for health and reflection. */
  readonly services: readonly DescService[];
  readonly health: Health;
  /** The text of `/metrics`. */
  readonly prometheus: () => Promise<string>;
  readonly logger: Logger;
  readonly meter?: Meter;
  readonly limits?: Partial<RpcServerLimits>;
  readonly policies?: Partial<RpcServerPolicies>;
  /** Absent: pages of other origins may not call. */
  readonly cors?: BrowserAccess;
  /** How long `stop` reports "not ready" before it accepts no more calls, so that load balancers notice. */
  readonly drainMs: number;
  /** How long calls in flight may take after that. */
  readonly graceMs: number;
}

export interface RpcServer extends Component {
  /** The port it listens on; throws before `start`. */
  readonly port: number;
}

/** The time for the responses of aborted calls, and for the last bytes to be sent. */
const FAREWELL_MS = 250;

/** Serves gRPC, gRPC-Web and Connect, over HTTP/1.1 and cleartext HTTP/2, with health, reflection and metrics. */
export function createRpcServer(options: RpcServerOptions): RpcServer {
  const { service, health, logger, cors } = options;
  const limits = { ...defaultRpcServerLimits, ...options.limits };
  const { declaredReasons = true, defaultDeadline = true } = options.policies ?? {};
  const services = [...options.services, HealthService, ServerReflection, ServerReflectionV1Alpha];
  const serviceNames = services.map((desc) => desc.typeName);
  const closing = new AbortController();
  const shutdown = new AbortController();
  let port: number | undefined;

  const handleUnknown = createPages({
    service,
    serviceNames,
    health,
    prometheus: options.prometheus,
    declaredReasons,
  });

  const gate = createCallGate({
    logger,
    meter: options.meter,
    declaredReasons,
    refuse: (context) =>
      closing.signal.aborted
        ? rpcError('SHUTTING_DOWN', 'the server is stopping')
        : deadlineProblem(context, limits.maxTimeoutMs),
  });
  const maxBytes = (method: DescMethod) => limits.readMaxBytes ?? maxRequestBytes(method);
  const responses = new WeakMap<HttpRequest, OpenResponse>();
  const budget = createMemoryBudget(limits.memoryBytes);
  const admission = createAdmission(maxBytes);

  const handleRpc = connectNodeAdapter({
    routes(router) {
      options.routes(router);
      const openStreams = createOpenStreams();
      healthRoutes({ health, serviceNames, closing: closing.signal, openStreams })(router);
      const { idleTimeoutMs } = limits;
      reflectionRoutes({ services, closing: closing.signal, openStreams, idleTimeoutMs })(router);
      router.handlers.splice(0, Infinity, ...admission.guard(router.handlers));
    },
    contextValues: (req) =>
      contextValuesOf(req as HttpRequest).set(responseKey, responses.get(req as HttpRequest)),
    readMaxBytes: Math.max(...services.flatMap((desc) => desc.methods.map(maxBytes))),
    acceptCompression: [...acceptedCompressions],
    // Unknown fields would take memory, and would change the hash that identifies a repeated request.
    binaryOptions: { readUnknownFields: false },
    shutdownSignal: shutdown.signal,
    async requestGate(context) {
      gate(context);
      await admission.gate(context);
    },
    interceptors: [createServerInterceptor({ logger, meanings: options, declaredReasons })],
    fallback(nodeRequest, nodeResponse) {
      const req = nodeRequest as HttpRequest;
      const res = nodeResponse as HttpResponse;
      const holdResponse = (bytes: number) => responses.get(req)?.charge.holdResponse(bytes) ?? true;
      handleUnknown(req, res, holdResponse).catch((error: unknown) => {
        logger.error({ err: error, path: req.url }, 'page failed');
        sendFailure(res);
      });
    },
  });

  const methods = new Map<string, DescMethod>(
    services.flatMap((desc) =>
      desc.methods.map((method) => [`/${desc.typeName}/${method.name}`, method] as const),
    ),
  );

  function handle(req: HttpRequest, res: HttpResponse): void {
    const path = req.url?.split('?', 1)[0] ?? '';
    const method = methods.get(path);
    const charge = chargeFor(req, res, path, method);
    if (!charge) {
      // Nothing was done, which clients of HTTP/2 recognise by this code.
      cutResponse(req, res, constants.NGHTTP2_REFUSED_STREAM);
      return;
    }
    const onCut = () => logCut(req, 'the memory to buffer it for its client is exhausted');
    responses.set(req, openResponse(req, res, charge, onCut));
    if (cors && allowBrowser(req, res, cors)) return;
    if (method && !prepareCall(req, res, method)) return;
    const readsMany = method?.methodKind === 'client_streaming' || method?.methodKind === 'bidi_streaming';
    if (!readsMany) limitReading(req, limits);
    try {
      handleRpc(req, res);
    } catch (error) {
      // Connect builds a URL from the Host header, and throws from the request handler when it is invalid.
      logger.debug({ err: error, host: req.headers.host }, 'request refused');
      sendMalformed(res);
    }
  }

  /** Charges for any request, of a call, a page or neither; undefined when there is no memory for it. */
  function chargeFor(
    req: HttpRequest,
    res: HttpResponse,
    path: string,
    method: DescMethod | undefined,
  ): Charge | undefined {
    let headerBytes = 0;
    for (const text of req.rawHeaders) headerBytes += text.length;
    const isHealthCheck = method
      ? method.parent === HealthService && method.methodKind === 'unary'
      : path.startsWith('/health/');
    if (!isHealthCheck) return budget.open(headerBytes);
    return budget.openHealthCheck(headerBytes, () => cutResponse(req, res));
  }

  /** Whether Connect can handle the request; requests that it would refuse without a body are refused here. */
  function prepareCall(req: HttpRequest, res: HttpResponse, method: DescMethod): boolean {
    const allowed = method.idempotency === IdempotencyLevel.NO_SIDE_EFFECTS ? ['POST', 'GET'] : ['POST'];
    if (!allowed.includes(req.method ?? '')) {
      sendNotAllowed(res, method.name, allowed);
      return false;
    }
    const contentType = req.headers['content-type'];
    if (contentType !== undefined) req.headers['content-type'] = normalContentType(contentType);
    if (req.method === 'POST') {
      const problem = contentTypeProblem(method, req.headers['content-type'] ?? '');
      if (problem !== undefined) {
        sendNotSpoken(res, problem);
        return false;
      }
    }
    if (defaultDeadline && method.methodKind === 'unary') giveDeadline(req.headers, limits.maxTimeoutMs);
    limitDeadline(req.headers, method);
    return true;
  }

  function logCut({ url }: HttpRequest, why: string): void {
    logger.warn({ path: url?.split('?', 1)[0] }, `response cut: ${why}`);
  }

  const listener = createListener(handle, limits, reportCuts(logger, options.meter), (req) =>
    logCut(req, `its client read nothing of it for ${limits.responseStallMs} ms`),
  );

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

/** Fails a request that does not arrive completely within the time limit. */
function limitReading(req: HttpRequest, limits: RpcServerLimits): void {
  // Node does this for HTTP/1.1.
  if (req.httpVersionMajor === 1) return;
  const timer = setTimeout(() => {
    // Ends only the reading; the response is still sent on the stream.
    req.destroy(
      rpcError('DEADLINE_EXCEEDED', `the request did not arrive within ${limits.requestTimeoutMs} ms`),
    );
  }, limits.requestTimeoutMs);
  req.once('end', () => clearTimeout(timer));
  req.once('close', () => clearTimeout(timer));
}

async function within(ms: number, work: Promise<void>): Promise<boolean> {
  const over = new AbortController();
  const late = delay(ms, false, { signal: over.signal }).catch(() => false);
  const inTime = await Promise.race([work.then(() => true), late]);
  over.abort();
  return inTime;
}
