import { setTimeout as delay } from 'node:timers/promises';
import type { DescService } from '@bufbuild/protobuf';
import type { ConnectRouter } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { Health as HealthService } from '@orderflow/contracts/grpc/health/v1/health';
import { ServerReflection } from '@orderflow/contracts/grpc/reflection/v1/reflection';
import { ServerReflection as ServerReflectionV1Alpha } from '@orderflow/contracts/grpc/reflection/v1alpha/reflection';
import type { Component, Health, Logger, Meter } from '@orderflow/runtime';
import { allowBrowser, type BrowserAccess } from './browser-access.ts';
import { createCallGate, createServerInterceptor, type ErrorMeanings } from './calls.ts';
import { contextValuesOf } from './connection.ts';
import { rpcError } from './errors.ts';
import { healthRoutes } from './health-service.ts';
import { createPages, sendFailure, sendMalformed } from './http-pages.ts';
import { createListener, type HttpRequest, type HttpResponse, type ListenerLimits } from './listener.ts';
import { reflectionRoutes } from './reflection.ts';

/** Limits against clients that send too much, too slowly or too often. */
export interface RpcServerLimits extends ListenerLimits {
  /** Largest message in bytes, also after decompression. */
  readonly readMaxBytes: number;
  /** Longest deadline a client may ask for, and the one of unary calls that ask for none. */
  readonly maxTimeoutMs: number;
}

export const defaultRpcServerLimits: RpcServerLimits = {
  readMaxBytes: 4 * 1024 * 1024,
  maxTimeoutMs: 60_000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  idleTimeoutMs: 300_000,
  maxConnections: 1000,
  maxStreams: 256,
};

export interface RpcServerOptions extends ErrorMeanings {
  /** The name of the process in its answers, such as `enrichment-stub`. */
  readonly service: string;
  readonly host: string;
  /** 0: any free one. */
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
  /** Absent: no page of another origin may call. */
  readonly cors?: BrowserAccess;
  /** How long `stop` says "not ready" before it takes no more calls, so that balancers see it. */
  readonly drainMs: number;
  /** How long calls under way may take after that. */
  readonly graceMs: number;
}

export interface RpcServer extends Component {
  /** The port it listens on; throws before `start`. */
  readonly port: number;
}

/** Time for the answers of calls that were told to end, and for the last bytes to leave. */
const FAREWELL_MS = 250;

/** gRPC, gRPC-Web and Connect, over HTTP/1.1 and cleartext HTTP/2, with health, reflection and metrics, on one port. */
export function createRpcServer(options: RpcServerOptions): RpcServer {
  const { service, health, logger, cors } = options;
  const limits = { ...defaultRpcServerLimits, ...options.limits };
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
  });

  const handleRpc = connectNodeAdapter({
    routes(router) {
      options.routes(router);
      healthRoutes({ health, serviceNames, closing: closing.signal })(router);
      reflectionRoutes(services)(router);
    },
    contextValues: (req) => contextValuesOf(req as HttpRequest),
    readMaxBytes: limits.readMaxBytes,
    maxTimeoutMs: limits.maxTimeoutMs,
    shutdownSignal: shutdown.signal,
    requestGate: createCallGate({
      logger,
      meter: options.meter,
      refuse: () =>
        closing.signal.aborted ? rpcError('SHUTTING_DOWN', 'the server is stopping') : undefined,
    }),
    interceptors: [createServerInterceptor({ logger, meanings: options })],
    fallback(nodeRequest, nodeResponse) {
      const req = nodeRequest as HttpRequest;
      const res = nodeResponse as HttpResponse;
      handleUnknown(req, res).catch((error: unknown) => {
        logger.error({ err: error, path: req.url }, 'page failed');
        sendFailure(res);
      });
    },
  });

  const streamingPaths = new Set(
    services.flatMap((desc) =>
      desc.methods
        .filter((method) => method.methodKind !== 'unary')
        .map((method) => `/${desc.typeName}/${method.name}`),
    ),
  );

  function handle(req: HttpRequest, res: HttpResponse): void {
    if (cors && allowBrowser(req, res, cors)) return;
    if (!streamingPaths.has(req.url ?? '')) limitTime(req, limits);
    try {
      handleRpc(req, res);
    } catch (error) {
      // Connect builds a URL from the Host header, and throws out of the request handler when that is none.
      logger.debug({ err: error, host: req.headers.host }, 'request refused');
      sendMalformed(res);
    }
  }

  const listener = createListener(handle, limits);

  return {
    name: 'rpc-server',

    get port() {
      if (port === undefined) throw new Error('the RPC server has no port before it was started');
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
      closing.abort();
      listener.close();
      const finished = await within(options.graceMs, listener.idle());
      if (!finished) {
        logger.warn({ grace_ms: options.graceMs }, 'calls under way are broken off: their time is over');
        shutdown.abort(rpcError('SHUTTING_DOWN', 'the server is stopping; the call was broken off'));
        await within(FAREWELL_MS, listener.idle());
      }
      await within(FAREWELL_MS, listener.flushed());
      listener.destroy();
    },
  };
}

/** A call without a deadline gets the longest; a request that never becomes whole gets an error. */
function limitTime(req: HttpRequest, limits: RpcServerLimits): void {
  req.headers['grpc-timeout'] ??= `${limits.maxTimeoutMs}m`;
  req.headers['connect-timeout-ms'] ??= String(limits.maxTimeoutMs);
  // Node does this for HTTP/1.1.
  if (req.httpVersionMajor === 1) return;
  const timer = setTimeout(() => {
    // Ends the reading only; the answer still goes out on the stream.
    req.destroy(
      rpcError('DEADLINE_EXCEEDED', `the request was not whole within ${limits.requestTimeoutMs} ms`),
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
