import type { Http2Session } from 'node:http2';
import {
  type ContextKey,
  type ContextValues,
  createContextKey,
  createContextValues,
} from '@connectrpc/connect';
import type { HttpRequest } from './http.ts';

/** The connection of a call. */
export interface Connection {
  /** Closes it without a response, with every other call on it. */
  cut(): void;
  /** The largest headers of a response that the peer accepts, in bytes; undefined over HTTP/1.1. */
  headersMaxBytes(): number | undefined;
}

/** The key by which a handler gets the connection of its call: `context.values.get(connectionKey)`. */
export const connectionKey: ContextKey<Connection | undefined> = createContextKey<Connection | undefined>(
  undefined,
  {
    description: 'the connection of the call',
  },
);

/** The initial context values of a call. */
export function contextValuesOf(req: HttpRequest): ContextValues {
  // An HTTP/2 request has a stream.
  const http2 = 'stream' in req ? (req.stream as { session?: Http2Session }) : undefined;
  return createContextValues().set(connectionKey, {
    cut() {
      // The socket of HTTP/2 must be cut through the session.
      if (http2?.session) http2.session.destroy();
      else req.socket.destroy();
    },
    headersMaxBytes: () => http2?.session?.remoteSettings.maxHeaderListSize,
  });
}
