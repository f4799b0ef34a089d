import type { ClientHttp2Stream, Http2Session } from 'node:http2';
import { Http2SessionManager } from '@connectrpc/connect-node';

/**
 * Connect's connections to one peer. When a connection breaks, its calls fail before it says why itself. A call, or
 * `abort`, in between makes Connect leave the connection and its errors, and an error without a listener would end the
 * process.
 */
export class Http2Sessions extends Http2SessionManager {
  readonly #known = new WeakSet<Http2Session>();

  override async request(
    ...args: Parameters<Http2SessionManager['request']>
  ): ReturnType<Http2SessionManager['request']> {
    const stream: ClientHttp2Stream = await super.request(...args);
    const { session } = stream;
    if (session && !this.#known.has(session)) {
      this.#known.add(session);
      session.on('error', () => {});
    }
    return stream;
  }
}
