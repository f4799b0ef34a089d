import { createServer as createHttp1Server } from 'node:http';
import {
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type Http2Session,
} from 'node:http2';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { errorToJson } from '@connectrpc/connect/protocol-connect';
import {
  type ConnectionLimits,
  type CutConnection,
  createConnections,
  type TrackedConnection,
} from './connections.ts';
import { type ErrorReason, rpcError } from './errors.ts';
import type { HttpRequest, HttpResponse } from './http.ts';
import { cutWhenStalled } from './responses.ts';

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
/** Trailers are sent just after the end of a response; closing the stream at once would drop them. */
const TRAILERS_MS = 50;
/** How much a client may send after its response before its connection is closed. */
const MAX_DROPPED_BYTES = 64 * 1024 * 1024;

/**
 * Creates one cleartext port for HTTP/1.1 and HTTP/2, told apart by the first bytes of a connection. `onCut` is called
 * for connections that a limit closed, `onStalled` for each response that was cut because its client did not read it.
 */
export function createListener(
  handle: (req: HttpRequest, res: HttpResponse) => void,
  limits: ListenerLimits,
  onCut: (how: CutConnection) => void,
  onStalled: (req: HttpRequest) => void,
): Listener {
  const connections = createConnections(limits, onCut);
  const bySocket = new WeakMap<Socket, TrackedConnection>();
  const bySession = new WeakMap<Http2Session, TrackedConnection>();
  let inFlight = 0;
  let draining = false;
  let closing = false;
  const idle = Promise.withResolvers<void>();

  function onRequest(req: HttpRequest, res: HttpResponse, connection: TrackedConnection | undefined): void {
    inFlight++;
    // Connect removes its listener before the last error of a request whose client disconnected; unhandled, that error
    // would end the process.
    req.on('error', () => {});
    if (connection) connections.requestBegins(connection);
    res.once('close', () => {
      inFlight--;
      if (connection) connections.requestEnds(connection);
      if (closing && inFlight === 0) idle.resolve();
    });
    cutWhenStalled(req, res, limits.responseStallMs, () => onStalled(req));
    if (req.httpVersionMajor === 1) closeUnlessReadWhole(req, res, limits.requestTimeoutMs);
    if (draining && req.httpVersionMajor === 1) res.setHeader('connection', 'close');
    handle(req, res);
  }

  function onHttp2Request(req: Http2ServerRequest, res: Http2ServerResponse): void {
    const { stream } = res;
    // A response may precede the end of the request, and Node would leave the stream open for the rest of it.
    stream.once('finish', () => {
      if (req.complete) return;
      const timer = setTimeout(() => stream.destroy(), TRAILERS_MS);
      stream.once('close', () => clearTimeout(timer));
    });
    dropUnread(req, res);
    const connection = stream.session && bySession.get(stream.session);
    onRequest(req as unknown as HttpRequest, res as unknown as HttpResponse, connection);
  }

  const http1 = createHttp1Server(
    {
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      connectionsCheckingInterval: Math.min(CHECK_INTERVAL_MS, limits.headersTimeoutMs),
    },
    (req, res) => onRequest(req, res, bySocket.get(req.socket)),
  );
  http1.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    respondToBrokenRequest(error, socket as Socket, limits.requestTimeoutMs);
  });
  // Node enforces the time limits of a server once it listens, and this one never does: it is given its connections.
  http1.emit('listening');

  const http2 = createHttp2Server({ settings: { maxConcurrentStreams: limits.maxStreams } }, onHttp2Request);
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

function listening(server: Server, host: string, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ port, host, backlog: BACKLOG }, () => {
    server.off('error', reject);
    resolve();
  });
  return promise;
}

/**
 * Drops the rest of a request that has its response: otherwise it would be buffered until the response has been sent.
 */
function dropUnread(req: Http2ServerRequest, res: Http2ServerResponse): void {
  const end = res.end.bind(res) as (...args: unknown[]) => Http2ServerResponse;
  res.end = (...args: unknown[]) => {
    if (!req.complete) {
      const { stream } = req;
      // Detached from the request, which would wait for a reader.
      stream.removeAllListeners('data');
      stream.resume();
    }
    return end(...args);
  };
}

/**
 * Responds to a request that is too slow, has too long headers or is not HTTP, before the connection is closed, unless
 * another response is being sent on it: this one would end up inside that.
 */
function respondToBrokenRequest(error: NodeJS.ErrnoException, socket: Socket, lingerMs: number): void {
  // Node's own handling of such requests uses it; there is no public name for it.
  const { _httpMessage: response } = socket as { _httpMessage?: HttpResponse | null };
  if (!socket.writable || error.code === 'ECONNRESET' || response?.headersSent) {
    socket.destroy();
    return;
  }
  const [status, reason, message] = brokenRequests[error.code ?? ''] ?? [
    '400 Bad Request',
    'MALFORMED_REQUEST',
    'this is not HTTP/1.1 or HTTP/2',
  ];
  const body = `${JSON.stringify(errorToJson(rpcError(reason, message), undefined))}\n`;
  socket.write(
    `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  endAndLinger(socket, lingerMs);
}

const brokenRequests: Record<string, readonly [status: string, reason: ErrorReason, message: string]> = {
  ERR_HTTP_REQUEST_TIMEOUT: [
    '408 Request Timeout',
    'DEADLINE_EXCEEDED',
    'the request did not arrive completely within the time limit',
  ],
  HPE_HEADER_OVERFLOW: [
    '431 Request Header Fields Too Large',
    'MESSAGE_TOO_LARGE',
    'the headers are too long',
  ],
};

/**
 * Closes the connection with the response if the request has not been read completely: otherwise the rest of it would
 * be parsed as the next request on the connection, or block it.
 */
function closeUnlessReadWhole(req: HttpRequest, res: HttpResponse, lingerMs: number): void {
  const { headers, socket } = req;
  if (headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0) return;
  const writeHead = res.writeHead.bind(res) as (...args: unknown[]) => HttpResponse;
  res.writeHead = (...args: unknown[]) => {
    if (!req.complete) {
      res.setHeader('connection', 'close');
      // Node calls this after the last response on a connection.
      socket.destroySoon = () => endAndLinger(socket, lingerMs);
    }
    return writeHead(...args);
  };
}

/**
 * Ends our side of a connection and drops what the client still sends, until it closes too. A connection that is closed
 * with unread bytes is reset, and the reset discards a response that the client has not read yet.
 */
function endAndLinger(socket: Socket, lingerMs: number): void {
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once('close', () => clearTimeout(timer));
  let dropped = 0;
  // Detached from the HTTP parser, which would wait for the request to be read.
  socket.removeAllListeners('data');
  socket.on('data', (bytes) => {
    dropped += bytes.length;
    if (dropped > MAX_DROPPED_BYTES) socket.destroy();
  });
  socket.resume();
  socket.end();
}
