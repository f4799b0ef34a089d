import type { Http2Session } from 'node:http2';
import {
  type ContextKey,
  type ContextValues,
  createContextKey,
  createContextValues,
} from '@connectrpc/connect';

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

/** Gives its methods to all others, for which Connect makes them anew. */
const noValues = createContextValues();

/** The initial context values of a call. `http2` is its stream; undefined over HTTP/1.1. */
export function contextValuesOf(
  http2: { readonly session?: Http2Session | undefined } | undefined,
  cutSocket: () => void,
): ContextValues {
  const values: ContextValues = Object.create(noValues);
  return values.set(connectionKey, {
    cut() {
      // The socket of HTTP/2 must be cut through the session.
      if (http2?.session) http2.session.destroy();
      else cutSocket();
    },
    headersMaxBytes: () => http2?.session?.remoteSettings.maxHeaderListSize,
  });
}
