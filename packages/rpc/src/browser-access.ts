import { cors } from '@connectrpc/connect';
import type { HttpRequest, HttpResponse } from './listener.ts';

/** Which pages of other origins may call: their origins, such as `https://shop.example`; `*` for all. */
export interface BrowserAccess {
  readonly allowedOrigins: readonly string[];
}

const allowedMethods = cors.allowedMethods.join(', ');
const allowedHeaders = [...cors.allowedHeaders, 'traceparent', 'x-caller-id'].join(', ');
const exposedHeaders = cors.exposedHeaders.join(', ');
const PREFLIGHT_MAX_AGE_SECONDS = 7200;

/** Adds the CORS headers to an answer. True when the request was a preflight, which is then answered. */
export function allowBrowser(req: HttpRequest, res: HttpResponse, access: BrowserAccess): boolean {
  const { origin } = req.headers;
  if (origin === undefined) return false;
  const all = access.allowedOrigins.includes('*');
  // Whether or not this origin may: a cache must not give its answer to another one.
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
