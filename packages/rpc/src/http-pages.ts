import { errorToJson } from '@connectrpc/connect/protocol-connect';
import { setTrailerStatus } from '@connectrpc/connect/protocol-grpc';
import { type Health, prometheusContentType } from '@orderflow/runtime';
import { rpcError } from './errors.ts';
import type { HttpRequest, HttpResponse } from './listener.ts';

/** Health and metrics for balancers and people, and a clear answer on every path that is not served. */
export function createPages(options: {
  service: string;
  serviceNames: readonly string[];
  health: Health;
  prometheus: () => Promise<string>;
}): (req: HttpRequest, res: HttpResponse) => Promise<void> {
  const { service, serviceNames, health, prometheus } = options;

  const pages: Record<string, (res: HttpResponse) => Promise<void> | void> = {
    '/health/live': (res) => sendJson(res, 200, health.live()),
    '/health/ready': async (res) => {
      const readiness = await health.ready();
      sendJson(res, readiness.ready ? 200 : 503, readiness);
    },
    '/health/detailed': async (res) => {
      const readiness = await health.ready();
      const uptime_seconds = Math.round(process.uptime());
      sendJson(res, readiness.ready ? 200 : 503, { service, uptime_seconds, ...readiness });
    },
    '/metrics': async (res) => {
      const text = await prometheus();
      res.writeHead(200, { 'content-type': prometheusContentType });
      res.end(text);
    },
  };

  return async (req, res) => {
    const path = req.url?.split('?', 1)[0] ?? '';
    const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
    if (page && (req.method === 'GET' || req.method === 'HEAD')) {
      await page(res);
      return;
    }
    if (page) {
      res.setHeader('allow', 'GET, HEAD');
      sendJson(res, 405, { error: `${path} is read with GET` });
      return;
    }
    const served = { services: serviceNames, pages: Object.keys(pages) };
    sendUnknown(req, res, served);
  };
}

function sendUnknown(req: HttpRequest, res: HttpResponse, served: Record<string, unknown>): void {
  const error = rpcError('UNIMPLEMENTED', `${req.method} ${req.url?.slice(0, 200)} is not served here`);
  const contentType = req.headers['content-type'] ?? '';
  if (contentType.startsWith('application/grpc')) {
    const status = Object.fromEntries(setTrailerStatus(new Headers(), error));
    res.writeHead(200, { 'content-type': contentType, ...status });
    res.end();
    return;
  }
  // A Connect client reads the error from it, a person the list.
  sendJson(res, 404, { ...(errorToJson(error, undefined) as object), served });
}

/** Answers a page that failed: the caller learns that it did, the log has the rest. */
export function sendFailure(res: HttpResponse): void {
  if (res.headersSent) {
    res.destroy();
    return;
  }
  sendJson(res, 500, { error: 'internal error' });
}

/** Answers a request that names no host, or one that cannot be. */
export function sendMalformed(res: HttpResponse): void {
  const error = rpcError('MALFORMED_REQUEST', 'the Host header, or :authority, is missing or is not a host');
  sendJson(res, 400, errorToJson(error, undefined));
}

function sendJson(res: HttpResponse, status: number, body: unknown): void {
  res.writeHead(status, { 'content-type': 'application/json' });
  res.end(`${JSON.stringify(body, undefined, 2)}\n`);
}
