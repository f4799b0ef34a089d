import type { IncomingMessage, ServerResponse } from 'node:http';

/** HTTP/1.1 or HTTP/2: Node has the same interface for both. */
export type HttpRequest = IncomingMessage;
export type HttpResponse = ServerResponse;

/** Sends a page. `holdResponse`: see `Charge`. */
export type Page = (
  res: HttpResponse,
  holdResponse: (bytes: number) => boolean,
  req: HttpRequest,
) => Promise<void> | void;

/** Handles a request for a path that is no page of ours. */
export type HttpHandler = (req: HttpRequest, res: HttpResponse) => Promise<void>;
