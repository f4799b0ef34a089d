import {
  type ContextKey,
  type ContextValues,
  createContextKey,
  createContextValues,
} from '@connectrpc/connect';
import type { HttpRequest } from './listener.ts';

/** The connection that a call came in on. */
export interface Connection {
  /** Cuts it without an answer, with every other call on it. */
  cut(): void;
}

/** Where a handler finds the connection of its call: `context.values.get(connectionKey)`. */
export const connectionKey: ContextKey<Connection | undefined> = createContextKey<Connection | undefined>(
  undefined,
  {
    description: 'the connection that the call came in on',
  },
);

/** The context values that a call of this request begins with. */
export function contextValuesOf(req: HttpRequest): ContextValues {
  return createContextValues().set(connectionKey, {
    cut() {
      // An HTTP/2 request has a stream, and its socket must be cut through the session.
      const session = 'stream' in req ? (req.stream as { session?: { destroy(): void } }).session : undefined;
      if (session) session.destroy();
      else req.socket.destroy();
    },
  });
}
