import { isUtf8 } from 'node:buffer';
import type { OutgoingHttpHeaders } from 'node:http';
import type { DescMethod, DescService, JsonObject } from '@bufbuild/protobuf';
import { Code, ConnectError, type ContextValues } from '@connectrpc/connect';
import type { UniversalHandler, UniversalServerResponse } from '@connectrpc/connect/protocol';
import { createMethodUrl } from '@connectrpc/connect/protocol';
import { errorFromJsonBytes } from '@connectrpc/connect/protocol-connect';
import { admittedBody, compressionNamed } from '../admission.ts';
import { normalContentType } from '../content-type.ts';
import { rpcError } from '../errors.ts';
import { compressGzip, gzipAccepted } from '../gzip.ts';
import type { HttpRequest, HttpResponse } from '../http.ts';
import { nodeHeaders } from '../http-headers.ts';
import { endInPieces, responseKey } from '../responses.ts';
import { echoed } from '../short-text.ts';
import type { RestAdapter } from './adapter.ts';
import { fromNodeRequest } from './node-request.ts';
import type { Served } from './openapi/document.ts';
import type { Reasons } from './openapi/error-responses.ts';
import { problemContentType, sendProblem, toProblem } from './problem.ts';
import { readRequest } from './request-json.ts';
import { toResponseJson } from './response-json.ts';
import { type RestCall, restCallKey } from './rest-call.ts';
import { createRouteTable, type Match } from './route-table.ts';
import { type Route, routesOf, routesOfMethod } from './routes.ts';

/** Every path is also served below this one. */
const BASE_PATH = '/api/v1';

const NO_BYTES = Buffer.alloc(0);

/** Serves the methods that have a `google.api.http` annotation as REST, each by its Connect handler. */
export interface Rest {
  /** What is served, such as `GET /orders/{order_id}`. */
  readonly paths: readonly string[];
  /** Makes the OpenAPI 3.1 document of it. */
  openApi(about: Pick<Served, 'service' | 'hasEventDocs'>): Promise<JsonObject>;
  /** Returns undefined when nothing is served at this path, whatever the HTTP method is. */
  find(httpMethod: string, path: string): Match<ServedRoute> | undefined;
  /**
   * Handles a request for which there is a match. Throws when it has no valid host; rejects when its response could not
   * be sent.
   */
  serve(
    req: HttpRequest,
    res: HttpResponse,
    match: Match<ServedRoute>,
    contextValues: ContextValues,
  ): Promise<void>;
}

export interface ServedRoute extends Route {
  readonly handler: UniversalHandler;
  readonly adapter: RestAdapter | undefined;
}

/**
 * Creates the REST side of a server.
 * @throws Error when an annotation has something that is not supported, two methods have the same path, or an adapter
 * does not fit its method
 */
export function createRest(options: {
  services: readonly DescService[];
  /** Methods of other services that are served, too. */
  forwarded: readonly DescMethod[];
  /** Of all these methods, not guarded: see `guardHandlers`. */
  handlers: readonly UniversalHandler[];
  adapters: readonly RestAdapter[];
  /** The largest request of a method. */
  maxBytes: (method: DescMethod) => number;
  /** Responses of fewer bytes are not compressed. */
  compressMinBytes: number;
  reasons: Reasons;
}): Rest {
  const { services, forwarded, maxBytes, compressMinBytes, reasons } = options;
  const handlers = new Map(options.handlers.map((handler) => [handler.requestPath, handler]));
  const table = createRouteTable<ServedRoute>();
  const routes = [...routesOf(services), ...forwarded.flatMap(routesOfMethod)];
  for (const { method } of options.adapters) {
    if (!routes.some((route) => route.method === method))
      throw new Error(`${method.name} has an adapter, and no path`);
  }
  for (const route of routes) {
    const handler = handlers.get(createMethodUrl('/', route.method));
    if (handler === undefined) throw new Error(`${route.method.name} has no handler`);
    const adapter = options.adapters.find(({ method }) => method === route.method);
    if (adapter !== undefined && (route.body === undefined || route.body.field !== undefined)) {
      throw new Error(`${route.httpMethod} ${route.template} has an adapter, and so needs body: "*"`);
    }
    table.add(route.httpMethod, route.segments, { ...route, handler, adapter });
  }

  /** Returns the response to the caller. `vary`: what it depends on already. */
  async function converted(
    { status, header, body }: UniversalServerResponse,
    { read, response }: RestCall,
    acceptEncoding: string,
    vary: string | undefined,
  ): Promise<SentResponse> {
    const headers: OutgoingHttpHeaders = header ? nodeHeaders(header) : {};
    if (status !== 200 || response === undefined) {
      const unreadable = new ConnectError('', Code.Internal);
      const error = errorFromJsonBytes(await wholeOf(body ?? []), undefined, unreadable);
      const problem = toProblem(error, reasons, read?.nameOf);
      Object.assign(headers, problem.headers, { 'content-type': problemContentType });
      return { status: problem.status, headers, body: Buffer.from(JSON.stringify(problem.body)) };
    }
    Object.assign(headers, response.headers, { 'content-type': 'application/json' });
    const plain = { status: response.status, headers, body: response.body };
    if (plain.body.length < compressMinBytes) return plain;
    headers['vary'] = vary === undefined ? 'Accept-Encoding' : `${vary}, Accept-Encoding`;
    if (!gzipAccepted.test(acceptEncoding)) return plain;
    headers['content-encoding'] = 'gzip';
    return { ...plain, body: await compressGzip(plain.body) };
  }

  function serveCall(
    req: HttpRequest,
    res: HttpResponse,
    { route, values }: { readonly route: ServedRoute; readonly values: readonly string[] },
    contextValues: ContextValues,
  ): Promise<void> {
    const { headers, url = '' } = req;
    const queryAt = url.indexOf('?');
    const query = queryAt < 0 ? '' : url.slice(queryAt + 1);
    const acceptEncoding = String(headers['accept-encoding'] ?? '');
    const hasType = headers['content-type'] !== undefined;
    const key = headers['idempotency-key'];
    const idempotencyKey = key === undefined ? undefined : String(key);
    const bodyCompression = compressionNamed(headers['content-encoding'] ?? null);
    const { adapter } = route;
    const call: RestCall = {
      bodyDesc: route.body?.desc ?? route.method.input,
      bodyCompression,
      read: undefined,
      respond:
        adapter?.respond ??
        ((message) => ({ status: 200, headers: {}, body: toResponseJson(route, message) })),
      response: undefined,
    };
    contextValues.set(restCallKey, call);
    const mayHaveBody = route.httpMethod !== 'GET' || announcesBody(headers);

    // What the handler gets is empty, see `restMessages`.
    for (const name of ['content-length', 'content-encoding', 'accept-encoding']) headers[name] = undefined;
    headers['content-type'] = 'application/proto';
    const request = fromNodeRequest(req, res, contextValues);

    /** Reads the body only when the handler asks for it: after the gate. */
    async function* callBody(): AsyncGenerator<Uint8Array> {
      const sent = mayHaveBody ? await wholeOf(admittedBody(request)) : NO_BYTES;
      if (sent.length > 0 && route.body !== undefined && !hasType) {
        throw unsupported('the body has no content type: send it with content-type: application/json');
      }
      const bytes = bodyCompression
        ? Buffer.from(await bodyCompression.decompress(Uint8Array.from(sent), maxBytes(route.method)))
        : sent;
      if (!isUtf8(bytes)) throw rpcError('MALFORMED_REQUEST', 'the body is not UTF-8');
      call.read = readRequest(route, adapter, { values, query, idempotencyKey, body: bytes.toString() });
      yield NO_BYTES;
    }

    async function respond(): Promise<void> {
      const handled = await route.handler({ ...request, method: 'POST', body: callBody() });
      const response = await converted(handled, call, acceptEncoding, res.getHeader('vary')?.toString());
      await send(req, res, response, contextValues);
    }

    return respond();
  }

  return {
    // `{customer.customer_id}` is `{customer_id}` to those who send it.
    paths: routes.map(({ httpMethod, template }) => `${httpMethod} ${template.replaceAll(/\{\w+\./g, '{')}`),

    async openApi(about) {
      // Loaded by processes only that are asked for it.
      const { openApiOf } = await import('./openapi/document.ts');
      return openApiOf({ ...about, services, routes, adapters: options.adapters, reasons });
    },

    find(httpMethod, path) {
      const method = httpMethod === 'HEAD' ? 'GET' : httpMethod;
      const match = table.find(
        method,
        path.startsWith(`${BASE_PATH}/`) ? path.slice(BASE_PATH.length) : path,
      );
      if (match === undefined || 'route' in match) return match;
      return { allowed: match.allowed.flatMap((name) => (name === 'GET' ? ['GET', 'HEAD'] : [name])) };
    },

    serve(req, res, match, contextValues) {
      const refused = refusal(req, match);
      if (refused === undefined && 'route' in match) return serveCall(req, res, match, contextValues);
      if (refused !== undefined) sendProblem(res, toProblem(refused.error, reasons), refused.headers);
      return Promise.resolve();
    },
  };
}

/** Why a request cannot be a call, with headers of the response; undefined when it can. */
function refusal(
  { method = '', headers }: HttpRequest,
  match: Match<ServedRoute>,
): { readonly error: ConnectError; readonly headers: Readonly<Record<string, string>> } | undefined {
  if (!('route' in match)) {
    const allow = match.allowed.join(', ');
    const text = `this path does not have ${echoed(method)}: it has ${allow}`;
    return { error: rpcError('METHOD_NOT_ALLOWED', text), headers: { allow } };
  }
  const { body, httpMethod, template } = match.route;
  if (body === undefined) return undefined;
  const type = headers['content-type'];
  if (type !== undefined && normalContentType(type) !== 'application/json') {
    const text = `${httpMethod} ${template} takes application/json in UTF-8, not ${echoed(type)}`;
    return { error: unsupported(text), headers: { accept: 'application/json' } };
  }
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding === 'identity' || compressionNamed(encoding) !== undefined) return undefined;
  const text = `the content encoding ${echoed(encoding)} is not supported: use gzip, br or none`;
  return { error: unsupported(text), headers: { 'accept-encoding': 'gzip, br' } };
}

function unsupported(message: string): ConnectError {
  return rpcError('UNSUPPORTED_MEDIA_TYPE', message);
}

function announcesBody(headers: HttpRequest['headers']): boolean {
  return Number(headers['content-length'] ?? 0) > 0 || headers['transfer-encoding'] !== undefined;
}

/** What Connect has, and what was admitted, is one piece, or none. */
async function wholeOf(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  const [first, ...others] = all;
  if (first === undefined || others.length > 0) return Buffer.concat(all);
  return Buffer.from(first.buffer, first.byteOffset, first.length);
}

/** A response as Node sends it. */
interface SentResponse {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer;
}

/** Sends a response, unless its client has gone, and charges for what has not been sent. */
async function send(
  req: HttpRequest,
  res: HttpResponse,
  { status, headers, body }: SentResponse,
  contextValues: ContextValues,
): Promise<void> {
  const open = contextValues.get(responseKey);
  if (open === undefined) throw new Error('a REST call has no response');
  if (res.destroyed || res.closed) return;
  res.writeHead(status, { ...headers, 'content-length': body.length });
  if (req.method === 'HEAD') res.end();
  else await endInPieces(res, body, open);
}
