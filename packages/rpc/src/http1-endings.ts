import type { Socket } from 'node:net';
import { errorToJson } from '@connectrpc/connect/protocol-connect';
import { type ErrorReason, rpcError } from './errors.ts';
import type { HttpRequest, HttpResponse } from './http.ts';

/** How much a client may send after its response before its connection is closed. */
const MAX_DROPPED_BYTES = 64 * 1024 * 1024;

/**
 * Responds to a request that is too slow, has too long headers or is not HTTP, before the connection is closed, unless
 * another response is being sent on it: this one would end up inside that.
 */
export function respondToBrokenRequest(error: NodeJS.ErrnoException, socket: Socket, lingerMs: number): void {
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
export function closeUnlessReadWhole(req: HttpRequest, res: HttpResponse, lingerMs: number): void {
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
