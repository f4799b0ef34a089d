import { Code, ConnectError } from '@connectrpc/connect';
import { errorToJson } from '@connectrpc/connect/protocol-connect';
import { type Health, prometheusContentType } from '@orderflow/runtime';
import { rpcError } from './errors.ts';
import type { HttpRequest, HttpResponse } from './http.ts';
import { echoed } from './short-text.ts';
import { trailersOf } from './trailers.ts';

/** Creates the pages for health and metrics, and the error for every path that does not exist. */
export function createPages(options: {
  service: string;
  serviceNames: readonly string[];
  health: Health;
  prometheus: () => Promise<string>;
  /** See `RpcServerPolicies`. */
  declaredReasons: boolean;
}): (req: HttpRequest, res: HttpResponse, holdResponse: (bytes: number) => boolean) => Promise<void> {
  const { service, serviceNames, health, prometheus, declaredReasons } = options;

  const pages: Record<
    string,
    (res: HttpResponse, holdResponse: (bytes: number) => boolean) => Promise<void> | void
  > = {
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
    '/metrics': async (res, holdResponse) => {
      // Text is written as bytes: otherwise it would be in memory twice.
      const text = Buffer.from(await prometheus());
      if (!holdResponse(text.length)) {
        sendText(res, 503, 'there is no memory for this page: repeat later');
        return;
      }
      res.writeHead(200, { 'content-type': prometheusContentType });
      res.end(text);
    },
  };

  return async (req, res, holdResponse) => {
    const path = req.url?.split('?', 1)[0] ?? '';
    const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
    if (page && (req.method === 'GET' || req.method === 'HEAD')) {
      await page(res, holdResponse);
      return;
    }
    if (page) {
      sendNotAllowed(res, path, ['GET', 'HEAD']);
      return;
    }
    const served = { services: serviceNames, pages: Object.keys(pages) };
    sendUnknown(req, res, served, declaredReasons);
  };
}

function sendUnknown(
  req: HttpRequest,
  res: HttpResponse,
  served: Record<string, unknown>,
  declaredReasons: boolean,
): void {
  const text = `${echoed(req.method ?? '')} ${echoed(req.url ?? '')} does not exist here`;
  const error = declaredReasons
    ? rpcError('UNIMPLEMENTED', text)
    : new ConnectError(text, Code.Unimplemented);
  const contentType = req.headers['content-type'] ?? '';
  if (contentType.startsWith('application/grpc')) {
    res.writeHead(200, { 'content-type': contentType, ...Object.fromEntries(trailersOf(error)) });
    res.end();
    return;
  }
  // The error in Connect's format; a GET, which a person sends, also gets the list of what exists.
  const forPeople = req.method === 'GET';
  sendJson(res, 404, { ...(errorToJson(error, undefined) as object), ...(forPeople && { served }) });
}

/** Responds to a page that failed; the details are in the log. */
export function sendFailure(res: HttpResponse): void {
  if (res.headersSent) {
    res.destroy();
    return;
  }
  sendText(res, 500, 'internal error');
}

/** Responds to a request whose HTTP method is not allowed. */
export function sendNotAllowed(res: HttpResponse, name: string, allowed: readonly string[]): void {
  res.setHeader('allow', allowed.join(', '));
  sendText(res, 405, `${name} accepts only ${allowed.join(' or ')}`);
}

/** Responds to a call whose content type is not supported. */
export function sendNotSpoken(res: HttpResponse, message: string): void {
  sendText(res, 415, message);
}

/** Responds to a request whose Host header is missing or invalid. */
export function sendMalformed(res: HttpResponse): void {
  const error = rpcError('MALFORMED_REQUEST', 'the Host header, or :authority, is missing or is not a host');
  sendJson(res, 400, errorToJson(error, undefined));
}

/** Not JSON: Connect clients read JSON as an error of the protocol, which has a code. */
function sendText(res: HttpResponse, status: number, text: string): void {
  res.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
  res.end(`${text}\n`);
}

function sendJson(res: HttpResponse, status: number, body: unknown): void {
  res.writeHead(status, { 'content-type': 'application/json' });
  res.end(`${JSON.stringify(body, undefined, 2)}\n`);
}
