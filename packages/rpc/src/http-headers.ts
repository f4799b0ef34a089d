import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';

/** The headers or trailers of a message, without those of HTTP/2 itself. */
export function webHeaders(headers: IncomingHttpHeaders): Headers {
  const web = new Headers();
  for (const [name, values] of Object.entries(headers)) {
    if (values === undefined || name.startsWith(':')) continue;
    for (const value of [values].flat()) web.append(name, value);
  }
  return web;
}

/** The headers or trailers of a message as Node sends them. */
export function nodeHeaders(headers: Headers): OutgoingHttpHeaders {
  const cookies = headers.getSetCookie();
  return { ...Object.fromEntries(headers), ...(cookies.length > 0 && { 'set-cookie': cookies }) };
}
