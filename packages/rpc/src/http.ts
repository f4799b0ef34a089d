import type { IncomingMessage, ServerResponse } from 'node:http';

/** HTTP/1.1 or HTTP/2: Node has the same interface for both. */
export type HttpRequest = IncomingMessage;
export type HttpResponse = ServerResponse;
