import type { DescMethod } from '@bufbuild/protobuf';
import type { HandlerContext } from '@connectrpc/connect';
import { rpcError } from './errors.ts';
import type { HttpRequest } from './http.ts';

/** Just below the longest timeout of Node's timers, 24 days; they fire immediately when given a longer one. */
const FARTHEST_MS = 2_000_000_000;

const grpcUnits: Record<string, number> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** Sets the deadline of a unary call that has none. */
export function giveDeadline(headers: HttpRequest['headers'], timeoutMs: number): void {
  headers['grpc-timeout'] ??= `${timeoutMs}m`;
  headers['connect-timeout-ms'] ??= String(timeoutMs);
}

/** Limits a deadline to 23 days for a unary call, and removes a longer one from a stream. */
export function limitDeadline(headers: HttpRequest['headers'], { methodKind }: DescMethod): void {
  const unary = methodKind === 'unary';
  const [, digits, unit = ''] = /^(\d{1,8})([HMSmun])$/.exec(String(headers['grpc-timeout'] ?? '')) ?? [];
  if (Number(digits) * (grpcUnits[unit] ?? 0) > FARTHEST_MS) {
    if (unary) headers['grpc-timeout'] = `${FARTHEST_MS / 1000}S`;
    else delete headers['grpc-timeout'];
  }
  const connectTimeout = /^\d{1,10}$/.exec(String(headers['connect-timeout-ms'] ?? ''))?.[0];
  if (Number(connectTimeout) > FARTHEST_MS) {
    if (unary) headers['connect-timeout-ms'] = String(FARTHEST_MS);
    else delete headers['connect-timeout-ms'];
  }
}

/**
 * Checks that the deadline of a unary call is not longer than the maximum.
 * @throws MALFORMED_REQUEST
 */
export function checkTimeout(context: HandlerContext, maxTimeoutMs: number): void {
  const ms = context.timeoutMs() ?? 0;
  if (context.method.methodKind !== 'unary' || ms <= maxTimeoutMs) return;
  throw rpcError(
    'MALFORMED_REQUEST',
    `the deadline is more than ${maxTimeoutMs} ms away, which is the longest that a unary call may have`,
  );
}

/** Fails a request over HTTP/2 that does not arrive completely within this time. */
export function limitReading(req: HttpRequest, requestTimeoutMs: number): void {
  // Node does this for HTTP/1.1.
  if (req.httpVersionMajor === 1) return;
  const timer = setTimeout(() => {
    // Ends only the reading; the response is still sent on the stream.
    req.destroy(rpcError('DEADLINE_EXCEEDED', `the request did not arrive within ${requestTimeoutMs} ms`));
  }, requestTimeoutMs);
  req.once('end', () => clearTimeout(timer));
  req.once('close', () => clearTimeout(timer));
}
