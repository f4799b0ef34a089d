import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { type Component, type Health, type Logger, prometheusContentType } from '@orderflow/runtime';

/** Handles a request of HTTP/1.1. */
export type HttpHandler = (req: IncomingMessage, res: ServerResponse) => Promise<void>;

export interface HttpServerOptions {
  /** The name of the process in its pages. */
  readonly service: string;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly health: Health;
  /** The text of `/metrics`. */
  readonly prometheus: () => Promise<string>;
  /** Handles every path that is not a page about health or metrics. */
  readonly handle: HttpHandler;
  readonly logger: Logger;
  /** How long `stop` reports "not ready" before it accepts no more requests, so that load balancers notice. */
  readonly drainMs: number;
  /** How long requests in flight may take after that. */
  readonly graceMs: number;
}

export interface HttpServer extends Component {
  /** The port it listens on; throws before `start`. */
  readonly port: number;
}

/** Time for a whole request, its headers included. */
const REQUEST_TIMEOUT_MS = 30_000;

/**
 * Serves HTTP/1.1 for a service without RPCs, with the pages about health and metrics that every process has
 * (`rpc/src/http-pages.ts`).
 */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { service, health, logger } = options;
  let port: number | undefined;
  let draining = false;
  let closing = false;

  async function ready(res: ServerResponse): Promise<void> {
    const readiness = await health.ready();
    sendJson(res, readiness.ready ? 200 : 503, readiness);
  }

  async function detailed(res: ServerResponse): Promise<void> {
    const readiness = await health.ready();
    const uptime_seconds = Math.round(process.uptime());
    const status = readiness.ready ? 'healthy' : 'unhealthy';
    sendJson(res, readiness.ready ? 200 : 503, { service, status, uptime_seconds, ...readiness });
  }

  async function live(res: ServerResponse): Promise<void> {
    sendJson(res, 200, health.live());
  }

  const pages = new Map<string, (res: ServerResponse) => Promise<void>>([
    ['/health/live', live],
    ['/up', live],
    ['/health/ready', ready],
    ['/health/detailed', detailed],
    ['/health', detailed],
    ['/api/v1/health', detailed],
    [
      '/metrics',
      async (res) => {
        const text = await options.prometheus();
        res.writeHead(200, { 'content-type': prometheusContentType });
        res.end(text);
      },
    ],
  ]);

  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    if (draining) res.setHeader('connection', 'close');
    const page = pages.get(req.url?.split('?', 1)[0] ?? '');
    if (!page) {
      await options.handle(req, res);
      return;
    }
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      res.writeHead(405, { allow: 'GET, HEAD' });
      res.end();
      return;
    }
    await page(res);
  }

  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (req, res) => {
    // `close` below closes the connections that are idle when it is called.
    res.once('close', () => {
      if (closing) setImmediate(() => server.closeIdleConnections());
    });
    handle(req, res).catch((error: unknown) => {
      logger.error({ err: error, path: req.url?.split('?', 1)[0] }, 'request failed');
      if (res.headersSent) res.destroy();
      else sendJson(res, 500, { error: 'server_error' });
    });
  });

  return {
    name: 'http-server',

    get port() {
      if (port === undefined) throw new Error('the HTTP server has no port before it has started');
      return port;
    },

    async start() {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      server.once('error', reject);
      server.listen({ host: options.host, port: options.port }, () => {
        server.off('error', reject);
        resolve();
      });
      await promise;
      port = (server.address() as AddressInfo).port;
      logger.info({ host: options.host, port }, 'HTTP server listens');
    },

    async stop() {
      health.drain();
      draining = true;
      await delay(options.drainMs);
      closing = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const late = setTimeout(() => server.closeAllConnections(), options.graceMs);
      await closed;
      clearTimeout(late);
    },
  };
}

function sendJson(res: ServerResponse, status: number, body: unknown): void {
  res.writeHead(status, { 'content-type': 'application/json' });
  res.end(`${JSON.stringify(body, undefined, 2)}\n`);
}
