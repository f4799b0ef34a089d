import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Component } from '@orderflow/runtime';
import type { HttpRequest, HttpResponse } from './http.ts';
import { createPages, sendFailure } from './http-pages.ts';
import { listening } from './listener.ts';
import { cutWhenStalled } from './responses.ts';
import { defaultRpcServerLimits, type RpcServerOptions } from './server-options.ts';
import { within } from './within.ts';

/** Scrapers and probes are few. */
const MAX_CONNECTIONS = 64;
/** Pages take milliseconds, a check 1 s at most. */
const LAST_RESPONSES_MS = 1_000;

/** Pages for those who run a process, on a port of their own. */
export interface ManagementServer extends Component {
  /** The port it listens on; throws before `start`. */
  readonly port: number;
}

/** Serves health and metrics over HTTP/1.1, and nothing else. */
export function createManagementServer(
  options: Pick<RpcServerOptions, 'service' | 'host' | 'port' | 'health' | 'prometheus' | 'logger'>,
): ManagementServer {
  const { service, host, health, prometheus, logger } = options;
  const { headersTimeoutMs, requestTimeoutMs, responseStallMs } = defaultRpcServerLimits;
  const sendPage = createPages({ service, serviceNames: [], health, prometheus, declaredReasons: true });
  let port: number | undefined;
  let stopping = false;

  const server = createServer({ headersTimeout: headersTimeoutMs, requestTimeout: requestTimeoutMs }, serve);
  server.maxConnections = MAX_CONNECTIONS;

  function serve(req: HttpRequest, res: HttpResponse): void {
    cutWhenStalled(res, responseStallMs, () => req.socket.destroy());
    res.once('close', () => {
      // Its connection was not idle when the server closed those that were.
      if (stopping) setImmediate(() => server.closeIdleConnections());
    });
    // The connections are few, so their pages have no budget of memory.
    sendPage(req, res, () => true).catch((error: unknown) => {
      logger.error({ err: error, path: req.url }, 'page failed');
      sendFailure(res);
    });
  }

  return {
    name: 'management-server',

    get port() {
      if (port === undefined) throw new Error('the management server has no port before it has started');
      return port;
    },

    async start() {
      await listening(server, host, options.port);
      port = (server.address() as AddressInfo).port;
      logger.info({ host, port }, 'management server listens');
    },

    async stop() {
      stopping = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await within(LAST_RESPONSES_MS, closed);
      server.closeAllConnections();
    },
  };
}
