import type { JsonObject } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { errorToJson } from '@connectrpc/connect/protocol-connect';
import { type Health, prometheusContentType, type Readiness } from '@orderflow/runtime';
import { createDocPages, type EventDocs } from './doc-pages.ts';
import { errorReasons, rpcError } from './errors.ts';
import { healthPaths, managementPaths } from './health-paths.ts';
import type { HttpHandler, HttpRequest, HttpResponse, Page } from './http.ts';
import { sendProblem, toProblem } from './rest/problem.ts';
import type { Rest } from './rest/rest.ts';
import { echoed } from './short-text.ts';
import { trailersOf } from './trailers.ts';

const healthPages: ReadonlySet<string> = new Set(Object.values(healthPaths).flat());

/** Whether this path is that of a page about health. */
export function isHealthPage(path: string): boolean {
  return healthPages.has(path);
}

/** Creates the pages for health and metrics, and the error for every path that does not exist. */
export function createPages(options: {
  service: string;
  serviceNames: readonly string[];
  health: Health;
  prometheus: () => Promise<string>;
  /** See `RpcServerPolicies`. */
  declaredReasons: boolean;
  /** What REST serves; absent: nothing. */
  rest?: Pick<Rest, 'paths' | 'openApi'>;
  /** See `RpcServerOptions`. */
  eventDocs?: (() => Promise<EventDocs>) | undefined;
  /** See `RpcServerOptions`. */
  hasManagementPort?: boolean | undefined;
  /** Handles every path that is no page; absent: it does not exist. */
  handle?: HttpHandler | undefined;
}): (req: HttpRequest, res: HttpResponse, holdResponse: (bytes: number) => boolean) => Promise<void> {
  const { service, serviceNames, health, prometheus, declaredReasons, rest } = options;
  const { hasManagementPort = false, handle, eventDocs } = options;

  /** Without the checks where a management port shows them: they name dependencies, and how these fail. */
  async function readinessToShow(): Promise<Readiness> {
    const readiness = await health.ready();
    return hasManagementPort ? { ...readiness, checks: {} } : readiness;
  }

  async function ready(res: HttpResponse): Promise<void> {
    const readiness = await readinessToShow();
    sendJson(res, readiness.ready ? 200 : 503, readiness);
  }

  async function detailed(res: HttpResponse): Promise<void> {
    const readiness = await readinessToShow();
    const uptime_seconds = Math.round(process.uptime());
    const status = readiness.ready ? 'healthy' : 'unhealthy';
    sendJson(res, readiness.ready ? 200 : 503, { service, status, uptime_seconds, ...readiness });
  }

  async function openApi(from: Pick<Rest, 'openApi'>): Promise<JsonObject> {
    const document = await from.openApi({ service, hasEventDocs: eventDocs !== undefined });
    if (!hasManagementPort) return document;
    const paths = Object.entries(document['paths'] ?? {}).filter(([path]) => !managementPaths.has(path));
    return { ...document, paths: Object.fromEntries(paths) };
  }

  const pages = new Map<string, Page>([
    ...healthPaths.live.map((path): [string, Page] => [path, (res) => sendJson(res, 200, health.live())]),
    ...healthPaths.ready.map((path): [string, Page] => [path, ready]),
    ...healthPaths.detailed.map((path): [string, Page] => [path, detailed]),
    [
      '/metrics',
      async (res, holdResponse) => {
        // Text is written as bytes: otherwise it would be in memory twice.
        const text = Buffer.from(await prometheus());
        if (!holdResponse(text.length)) {
          sendText(res, 503, 'there is no memory for this page: repeat later');
          return;
        }
        res.writeHead(200, { 'content-type': prometheusContentType });
        res.end(text);
      },
    ],
    ...(rest && rest.paths.length > 0 ? createDocPages(service, () => openApi(rest), eventDocs) : []),
  ]);
  if (hasManagementPort) for (const path of managementPaths) pages.delete(path);
  const served = { services: serviceNames, rest: rest?.paths ?? [], pages: [...pages.keys()] };

  return async (req, res, holdResponse) => {
    const path = req.url?.split('?', 1)[0] ?? '';
    const page = pages.get(path);
    if (page && (req.method === 'GET' || req.method === 'HEAD')) {
      await page(res, holdResponse, req);
      return;
    }
    if (page) {
      sendNotAllowed(res, path, ['GET', 'HEAD']);
      return;
    }
    if (handle) await handle(req, res);
    else sendUnknown(req, res, served, declaredReasons);
  };
}

/** The path of an RPC ends with the full name of a service, and a method. */
const rpcPath = /\/[a-z]\w*(?:\.\w+)*\.[A-Z]\w*\/\w*$/;

function sendUnknown(
  req: HttpRequest,
  res: HttpResponse,
  served: Record<string, unknown>,
  declaredReasons: boolean,
): void {
  const { method = '', url = '' } = req;
  const text = `${echoed(method)} ${echoed(url)} does not exist here`;
  const contentType = req.headers['content-type'] ?? '';
  // A GET, which a person sends, also gets the list of what exists.
  const forPeople = method === 'GET' ? { served } : {};
  const isRpc = rpcPath.test(url.split('?', 1)[0] ?? '') || isRpcType(contentType);
  if (!isRpc) {
    const problem = toProblem(rpcError('ROUTE_NOT_FOUND', text), errorReasons);
    sendProblem(res, { ...problem, body: { ...problem.body, ...forPeople } });
    return;
  }
  const error = declaredReasons
    ? rpcError('UNIMPLEMENTED', text)
    : new ConnectError(text, Code.Unimplemented);
  if (contentType.startsWith('application/grpc')) {
    // Not by writeHead, after which the end is a frame of its own: gRPC clients read the status of a response without
    // trailers only if its headers end the stream.
    res.setHeader('content-type', contentType);
    for (const [name, value] of trailersOf(error)) res.setHeader(name, value);
    res.end();
    return;
  }
  // In Connect's format.
  sendJson(res, 404, { ...(errorToJson(error, undefined) as object), ...forPeople });
}

/** Whether only RPCs have this content type. */
function isRpcType(contentType: string): boolean {
  return /^application\/(?:grpc|connect|proto)/.test(contentType);
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
export function sendMalformed(res: HttpResponse, isRest: boolean): void {
  const error = rpcError('MALFORMED_REQUEST', 'the Host header, or :authority, is missing or is not a host');
  if (isRest) sendProblem(res, toProblem(error, errorReasons));
  else sendJson(res, 400, errorToJson(error, undefined));
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
