import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Component } from '@orderflow/runtime';
import type { HttpHandler, HttpRequest, HttpResponse } from './http.ts';
import { createPages, sendFailure } from './http-pages.ts';
import { listening } from './listener.ts';
import { cutWhenStalled } from './responses.ts';
import { defaultRpcServerLimits, type RpcServerOptions } from './server-options.ts';
import { within } from './within.ts';

export interface HttpServerOptions
  extends Pick<
    RpcServerOptions,
    'service' | 'host' | 'port' | 'health' | 'prometheus' | 'logger' | 'hasManagementPort'
  > {
  /** The name of the component, such as `management-server`. */
  readonly name: string;
  /** Handles every other path; absent: there is none. */
  readonly handle?: HttpHandler;
  readonly maxConnections: number;
  /** How long `stop` reports "not ready" before it accepts no more requests; absent: it stops after all else. */
  readonly drainMs?: number;
  /** How long requests in flight may take after that. */
  readonly graceMs: number;
}

export interface HttpServer extends Component {
  /** The port it listens on; throws before `start`. */
  readonly port: number;
}

/** Serves health and metrics over HTTP/1.1, and what `handle` adds, but no RPC. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { name, host, health, logger, handle, drainMs } = options;
  const { headersTimeoutMs, requestTimeoutMs, responseStallMs } = defaultRpcServerLimits;
  const sendPage = createPages({ ...options, serviceNames: [], declaredReasons: true, handle });
  let port: number | undefined;
  let draining = false;
  let stopping = false;

  const server = createServer({ headersTimeout: headersTimeoutMs, requestTimeout: requestTimeoutMs }, serve);
  server.maxConnections = options.maxConnections;

  function serve(req: HttpRequest, res: HttpResponse): void {
    if (draining) res.setHeader('connection', 'close');
    cutWhenStalled(res, responseStallMs, () => req.socket.destroy());
    res.once('close', () => {
      // Its connection was not idle when the server closed those that were.
      if (stopping) setImmediate(() => server.closeIdleConnections());
    });
    // The connections are few, so their pages have no budget of memory.
    sendPage(req, res, () => true).catch((error: unknown) => {
      logger.error({ err: error, path: req.url?.split('?', 1)[0] }, 'page failed');
      sendFailure(res);
    });
  }

  return {
    name,

    get port() {
      if (port === undefined) throw new Error(`the ${name} has no port before it has started`);
      return port;
    },

    async start() {
      await listening(server, host, options.port);
      port = (server.address() as AddressInfo).port;
      logger.info({ host, port }, `${name.replaceAll('-', ' ')} listens`);
    },

    async stop() {
      if (drainMs !== undefined) {
        health.drain();
        draining = true;
        await delay(drainMs);
      }
      stopping = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await within(options.graceMs, closed);
      server.closeAllConnections();
    },
  };
}
