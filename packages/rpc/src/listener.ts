import { createServer as createHttp1Server } from 'node:http';
import {
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type Http2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import type { Writable } from 'node:stream';
import {
  type ConnectionLimits,
  type CutConnection,
  createConnections,
  type TrackedConnection,
} from './connections.ts';
import type { HttpRequest, HttpResponse } from './http.ts';
import { closeUnlessReadWhole, respondToBrokenRequest } from './http1-endings.ts';
import { cutResponse, cutWhenStalled, dropRest } from './responses.ts';

/** Handles the requests of both protocols. */
export interface RequestHandlers {
  request(req: HttpRequest, res: HttpResponse): void;
  /**
   * Handles a request of HTTP/2 without the objects that it has in common with HTTP/1.1, and returns true; or returns
   * false for one that `request` has to handle.
   */
  stream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: readonly string[]): boolean;
}

export interface ListenerLimits extends ConnectionLimits {
  /** Time for a whole HTTP/1.1 request. */
  readonly requestTimeoutMs: number;
  /** The time in which a client must read part of a response that waits to be sent to it. */
  readonly responseStallMs: number;
  /** The maximum number of requests at once on one HTTP/2 connection. */
  readonly maxStreams: number;
}

export interface Listener {
  /** Resolves with the port once connections are accepted. */
  listen(host: string, port: number): Promise<number>;
  /**
   * Ends HTTP/1.1 connections with their next response, so that few are left to close while a request is arriving.
   * HTTP/2 has GOAWAY for that, which `close` sends: it tells clients which of their calls were not processed.
   */
  drain(): void;
  /** Accepts no more connections and tells the clients of open ones to close. Requests in flight continue. */
  close(): void;
  /** After `close`: resolves when no request is in flight. */
  idle(): Promise<void>;
  /** After `idle`: resolves when the last responses have been sent on HTTP/2 connections. */
  flushed(): Promise<void>;
  /** Closes every connection. */
  destroy(): void;
}

const HTTP2_PREFACE = Buffer.from('PRI ');
const CHECK_INTERVAL_MS = 500;
/**
 * Connections that wait to be accepted: Node accepts one in each turn of its event loop, and beyond 511, its default,
 * a burst makes the next caller repeat its SYN after 1 s. The system's own limit (`somaxconn`) applies too.
 */
const BACKLOG = 4_096;

/**
 * Creates one cleartext port for HTTP/1.1 and HTTP/2, told apart by the first bytes of a connection. `onCut` is called
 * for connections that a limit closed, `onStalled` with the URL of each response that was cut because its client did
 * not read it.
 */
export function createListener(
  handlers: RequestHandlers,
  limits: ListenerLimits,
  onCut: (how: CutConnection) => void,
  onStalled: (url: string | undefined) => void,
): Listener {
  const connections = createConnections(limits, onCut);
  const bySocket = new WeakMap<Socket, TrackedConnection>();
  const bySession = new WeakMap<Http2Session, TrackedConnection>();
  let inFlight = 0;
  let draining = false;
  let closing = false;
  const idle = Promise.withResolvers<void>();

  /** Counts a request until its response, or its stream, is closed. */
  function count(response: Writable, connection: TrackedConnection | undefined): void {
    inFlight++;
    if (connection) connections.requestBegins(connection);
    response.on('close', () => {
      inFlight--;
      if (connection) connections.requestEnds(connection);
      if (closing && inFlight === 0) idle.resolve();
    });
  }

  function onHttp1Request(req: HttpRequest, res: HttpResponse): void {
    count(res, bySocket.get(req.socket));
    // A pipelined request whose turn has not come yet has no socket.
    const isQueued = () => !res.socket;
    cutWhenStalled(res, limits.responseStallMs, () => onStall(req, res), isQueued);
    closeUnlessReadWhole(req, res, limits.requestTimeoutMs);
    if (draining) res.setHeader('connection', 'close');
    onRequest(req, res);
  }

  function onHttp2Stream(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    flags: number,
    rawHeaders: readonly string[],
  ): void {
    // The request learns of it by the end of the stream; unhandled, it would end the process.
    stream.on('error', () => {});
    // Reset by the packet that began it. Node's compatibility layer would write to it, and throw.
    if (stream.destroyed || stream.closed) return;
    count(stream, stream.session && bySession.get(stream.session));
    if (!handlers.stream(stream, headers, rawHeaders))
      both.emit('stream', stream, headers, flags, rawHeaders);
  }

  function onHttp2Request(req: Http2ServerRequest, res: Http2ServerResponse): void {
    dropUnread(req, res);
    const [request, response] = [req as unknown as HttpRequest, res as unknown as HttpResponse];
    cutWhenStalled(response, limits.responseStallMs, () => onStall(request, response));
    onRequest(request, response);
  }

  function onRequest(req: HttpRequest, res: HttpResponse): void {
    // Connect removes its listener before the last error of a request whose client disconnected; unhandled, that error
    // would end the process.
    req.on('error', () => {});
    handlers.request(req, res);
  }

  function onStall(req: HttpRequest, res: HttpResponse): void {
    onStalled(req.url);
    cutResponse(req, res);
  }

  const http1 = createHttp1Server(
    {
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      connectionsCheckingInterval: Math.min(CHECK_INTERVAL_MS, limits.headersTimeoutMs),
    },
    onHttp1Request,
  );
  http1.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    respondToBrokenRequest(error, socket as Socket, limits.requestTimeoutMs);
  });
  // Node enforces the time limits of a server once it listens, and this one never does: it is given its connections.
  http1.emit('listening');

  const http2 = createHttp2Server({
    settings: { maxConcurrentStreams: limits.maxStreams },
    // When a client with so many streams cancels them all and opens new ones in their place, Node still counts the old
    // ones and resets the new ones with ENHANCE_YOUR_CALM. After 100 of them, its default, it would end the connection.
    maxSessionRejectedStreams: limits.maxStreams,
  });
  http2.on('stream', onHttp2Stream);
  // Makes requests and responses like those of HTTP/1.1 of the streams that it is given.
  const both = createHttp2Server(onHttp2Request);
  // Else it would respond to these by itself, without any limit.
  both.on('connect', onHttp2Request);
  both.on('checkExpectation', onHttp2Request);
  http2.on('sessionError', (_error, session) => session.destroy());

  const tcp = createTcpServer({ noDelay: true }, (socket) => {
    // Resets are caused by the client; requests in flight get their own error.
    socket.on('error', () => {});
    const connection = connections.admit(socket);
    if (!connection) return;
    bySocket.set(socket, connection);
    detect(socket, (isHttp2) => {
      if (!isHttp2) {
        connection.http1 = true;
        http1.emit('connection', socket);
        return;
      }
      // Emitted synchronously by the handover of the connection.
      http2.once('session', (session) => {
        connections.startSession(connection, session);
        bySession.set(session, connection);
        if (closing) session.close();
      });
      http2.emit('connection', socket);
    });
  });

  function detect(socket: Socket, onKnown: (isHttp2: boolean) => void, before = Buffer.alloc(0)): void {
    socket.once('readable', () => {
      const chunk: Buffer | null = socket.read();
      // The end: closed by the client before the protocol was known.
      if (chunk === null) return;
      const bytes = Buffer.concat([before, chunk]);
      const known = Math.min(bytes.length, HTTP2_PREFACE.length);
      const maybeHttp2 = HTTP2_PREFACE.compare(bytes, 0, known, 0, known) === 0;
      if (maybeHttp2 && known < HTTP2_PREFACE.length) {
        // Not unshifted before all bytes have arrived: readable bytes make the socket "readable" again at once.
        detect(socket, onKnown, bytes);
        return;
      }
      socket.unshift(bytes);
      onKnown(maybeHttp2);
    });
  }

  return {
    async listen(host, port) {
      await listening(tcp, host, port);
      return (tcp.address() as AddressInfo).port;
    },
    drain() {
      draining = true;
    },
    close() {
      closing = true;
      tcp.close();
      http1.close();
      http1.closeIdleConnections();
      connections.closeSessions();
      if (inFlight === 0) idle.resolve();
    },
    idle: () => idle.promise,
    async flushed() {
      await Promise.all(
        connections.sessions().map((session) => new Promise((resolve) => session.once('close', resolve))),
      );
    },
    destroy: connections.destroy,
  };
}

/** Resolves once the server accepts connections; rejects when it cannot, as where the port is in use. */
export function listening(server: Server, host: string, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ port, host, backlog: BACKLOG }, () => {
    server.off('error', reject);
    resolve();
  });
  return promise;
}

/** Drops the rest of a request that has its response. */
function dropUnread(req: Http2ServerRequest, res: Http2ServerResponse): void {
  const end = res.end.bind(res) as (...args: unknown[]) => Http2ServerResponse;
  res.end = (...args: unknown[]) => {
    if (!req.complete) dropRest(res.stream);
    return end(...args);
  };
}
