import type { ContextValues } from '@connectrpc/connect';
import type { UniversalServerRequest } from '@connectrpc/connect/protocol';
import { hasEnded, resetBy } from '../call-end.ts';
import type { HttpRequest, HttpResponse } from '../http.ts';
import { webHeaders } from '../http-headers.ts';

/**
 * Returns a request as Connect's handlers take it. Connect's own function for this has generators around the body, and
 * records a stack for every call that ends.
 * @throws TypeError when the request has no valid host
 */
export function fromNodeRequest(
  req: HttpRequest,
  res: HttpResponse,
  contextValues: ContextValues,
): UniversalServerRequest {
  const { method = '', url = '', headers, httpVersion } = req;
  const http2 = 'stream' in req ? (req.stream as { readonly rstCode: number }) : undefined;
  const authority = ('authority' in req && req.authority) || headers.host;
  const ending = new AbortController();
  // Over HTTP/1.1, a request is closed as soon as it has been read.
  (http2 ? req : res).once('close', () => {
    ending.abort(http2 && http2.rstCode !== 0 ? resetBy(http2.rstCode) : hasEnded);
  });
  return {
    httpVersion,
    method,
    url: new URL(url, `http://${authority}`).href,
    header: webHeaders(headers),
    body: req,
    signal: ending.signal,
    contextValues,
  };
}
