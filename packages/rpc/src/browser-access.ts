import { cors } from '@connectrpc/connect';
import type { HttpRequest, HttpResponse } from './http.ts';

/** The origins of web pages that may call, such as `https://shop.example`; `*` for all. */
export interface BrowserAccess {
  readonly allowedOrigins: readonly string[];
}

// What RPC needs, and REST in addition.
const allowedMethods = [...cors.allowedMethods, 'PUT', 'DELETE'].join(', ');
const ownHeaders = ['traceparent', 'x-caller-id', 'Authorization', 'Idempotency-Key'];
const allowedHeaders = [...cors.allowedHeaders, ...ownHeaders].join(', ');
const exposedHeaders = [...cors.exposedHeaders, 'Retry-After', 'Location'].join(', ');
const PREFLIGHT_MAX_AGE_SECONDS = 7200;

/** Adds the CORS headers to a response. Returns true when the request was a preflight, which has then been handled. */
export function allowBrowser(req: HttpRequest, res: HttpResponse, access: BrowserAccess): boolean {
  const { origin } = req.headers;
  if (origin === undefined) return false;
  const all = access.allowedOrigins.includes('*');
  // Also when this origin is not allowed: a cache must not reuse its response for another origin.
  if (!all) res.setHeader('vary', 'Origin');
  const allowed = all || access.allowedOrigins.includes(origin);
  if (allowed) {
    res.setHeader('access-control-allow-origin', all ? '*' : origin);
    res.setHeader('access-control-expose-headers', exposedHeaders);
  }
  if (req.method !== 'OPTIONS' || req.headers['access-control-request-method'] === undefined) return false;
  if (allowed) {
    res.setHeader('access-control-allow-methods', allowedMethods);
    res.setHeader('access-control-allow-headers', allowedHeaders);
    res.setHeader('access-control-max-age', PREFLIGHT_MAX_AGE_SECONDS);
  }
  res.writeHead(204);
  res.end();
  return true;
}
