import { createServer as createHttp1Server, type IncomingMessage, type ServerResponse } from 'node:http';
import {
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from 'node:http2';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';

/** HTTP/1.1 or HTTP/2: Node gives both the same interface. */
export type HttpRequest = IncomingMessage;
export type HttpResponse = ServerResponse;

export interface ListenerLimits {
  /** Time for the first bytes of a connection, and for the headers of an HTTP/1.1 request. */
  readonly headersTimeoutMs: number;
  /** Time for a whole HTTP/1.1 request. */
  readonly requestTimeoutMs: number;
  /** Time without any traffic after which an HTTP/2 connection is closed; clients open a new one when they need it. */
  readonly idleTimeoutMs: number;
  /** Connections at once; one more is cut at once. */
  readonly maxConnections: number;
  /** Requests at once on one HTTP/2 connection. */
  readonly maxStreams: number;
}

export interface Listener {
  /** Resolves with the port once connections are taken. */
  listen(host: string, port: number): Promise<number>;
  /**
   * Ends HTTP/1.1 connections with their next answer, so that few are left to be cut while a request is on its way. HTTP/2
   * has its own word for that, which comes with `close`: clients know which of their calls nobody has looked at.
   */
  drain(): void;
  /** Takes no more connections and tells the clients of open ones to go. Requests under way go on. */
  close(): void;
  /** After `close`: resolves when no request is under way. */
  idle(): Promise<void>;
  /** After `idle`: resolves when the last answers have left on HTTP/2 connections. */
  flushed(): Promise<void>;
  /** Cuts every connection. */
  destroy(): void;
}

const HTTP2_PREFACE = Buffer.from('PRI ');
const CHECK_INTERVAL_MS = 500;
/** Trailers leave just after the end of an answer; closing the stream at once would drop them. */
const TRAILERS_MS = 50;
/** What a client may send after its answer before its connection is cut. */
const MAX_DROPPED_BYTES = 64 * 1024 * 1024;

/** One cleartext port for HTTP/1.1 and HTTP/2: the first bytes of a connection tell which. */
export function createListener(
  handle: (req: HttpRequest, res: HttpResponse) => void,
  limits: ListenerLimits,
): Listener {
  const sockets = new Set<Socket>();
  const sessions = new Set<ServerHttp2Session>();
  let underWay = 0;
  let draining = false;
  let closing = false;
  const idle = Promise.withResolvers<void>();

  function onRequest(req: HttpRequest, res: HttpResponse): void {
    underWay++;
    res.once('close', () => {
      underWay--;
      if (closing && underWay === 0) idle.resolve();
    });
    if (req.httpVersionMajor === 1) closeUnlessReadWhole(req, res, limits.requestTimeoutMs);
    if (draining && req.httpVersionMajor === 1) res.setHeader('connection', 'close');
    handle(req, res);
  }

  function onHttp2Request(req: Http2ServerRequest, res: Http2ServerResponse): void {
    const { stream } = res;
    // An answer may come before the end of the request, and Node would leave the stream open for what is still sent.
    stream.once('finish', () => {
      if (req.complete) return;
      const timer = setTimeout(() => stream.destroy(), TRAILERS_MS);
      stream.once('close', () => clearTimeout(timer));
    });
    onRequest(req as unknown as HttpRequest, res as unknown as HttpResponse);
  }

  const http1 = createHttp1Server(
    {
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      connectionsCheckingInterval: Math.min(CHECK_INTERVAL_MS, limits.headersTimeoutMs),
    },
    onRequest,
  );
  http1.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    answerBrokenRequest(error, socket as Socket, limits.requestTimeoutMs);
  });
  // Node looks after the time limits of a server once it listens, and this one never does: it is handed its connections.
  http1.emit('listening');

  const http2 = createHttp2Server({ settings: { maxConcurrentStreams: limits.maxStreams } }, onHttp2Request);
  http2.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
    session.setTimeout(limits.idleTimeoutMs, () => session.close());
  });
  http2.on('sessionError', (_error, session) => session.destroy());

  const tcp = createTcpServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    // Resets are the client's business; what was under way hears of it by itself.
    socket.on('error', () => {});
    const timer = setTimeout(() => socket.destroy(), limits.headersTimeoutMs);
    socket.once('close', () => clearTimeout(timer));
    detect(socket, () => clearTimeout(timer));
  });
  tcp.maxConnections = limits.maxConnections;

  function detect(socket: Socket, onKnown: () => void, before = Buffer.alloc(0)): void {
    socket.once('readable', () => {
      const chunk: Buffer | null = socket.read();
      // The end: closed by the client before it said enough.
      if (chunk === null) return;
      const bytes = Buffer.concat([before, chunk]);
      const known = Math.min(bytes.length, HTTP2_PREFACE.length);
      const maybeHttp2 = HTTP2_PREFACE.compare(bytes, 0, known, 0, known) === 0;
      if (maybeHttp2 && known < HTTP2_PREFACE.length) {
        // Not put back before all is here: bytes that can be read make the socket "readable" again at once.
        detect(socket, onKnown, bytes);
        return;
      }
      socket.unshift(bytes);
      onKnown();
      (maybeHttp2 ? http2 : http1).emit('connection', socket);
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
      for (const session of sessions) session.close();
      if (underWay === 0) idle.resolve();
    },
    idle: () => idle.promise,
    async flushed() {
      await Promise.all(
        [...sessions].map((session) => new Promise((resolve) => session.once('close', resolve))),
      );
    },
    destroy() {
      // `session.destroy()` alone leaves sockets open.
      for (const socket of sockets) socket.destroy();
    },
  };
}

function listening(server: Server, host: string, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(port, host, () => {
    server.off('error', reject);
    resolve();
  });
  return promise;
}

/** A request that is too slow, too long in its headers or not HTTP gets an answer before the connection is closed. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket, lingerMs: number): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const [status, message] = brokenRequests[error.code ?? ''] ?? [
    '400 Bad Request',
    'this is not HTTP/1.1 or HTTP/2',
  ];
  const body = `${JSON.stringify({ error: message })}\n`;
  socket.write(
    `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  endAndLinger(socket, lingerMs);
}

const brokenRequests: Record<string, readonly [status: string, message: string]> = {
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'the request did not arrive whole within the time limit'],
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'the headers are too long'],
};

/**
 * An answer may come before the request was read whole, and then the rest of it would be taken for the next request
 * on the connection, or block it: the connection ends with the answer.
 */
function closeUnlessReadWhole(req: HttpRequest, res: HttpResponse, lingerMs: number): void {
  const { headers, socket } = req;
  if (headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0) return;
  const writeHead = res.writeHead.bind(res) as (...args: unknown[]) => HttpResponse;
  res.writeHead = (...args: unknown[]) => {
    if (!req.complete) {
      res.setHeader('connection', 'close');
      // What Node calls after the last answer on a connection.
      socket.destroySoon = () => endAndLinger(socket, lingerMs);
    }
    return writeHead(...args);
  };
}

/**
 * Ends our side of a connection and drops what the client still sends, until it closes too. A connection that is closed
 * with bytes unread is reset, and the reset takes an answer with it that the client has not read yet.
 */
function endAndLinger(socket: Socket, lingerMs: number): void {
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once('close', () => clearTimeout(timer));
  let dropped = 0;
  // Out of the hands of the HTTP parser, which waits for somebody to read the request.
  socket.removeAllListeners('data');
  socket.on('data', (bytes) => {
    dropped += bytes.length;
    if (dropped > MAX_DROPPED_BYTES) socket.destroy();
  });
  socket.resume();
  socket.end();
}
