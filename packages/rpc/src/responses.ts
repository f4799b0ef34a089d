import { constants, type ServerHttp2Stream } from 'node:http2';
import { getDefaultHighWaterMark, type Writable } from 'node:stream';
import { type ContextKey, createContextKey } from '@connectrpc/connect';
import type { HttpRequest, HttpResponse } from './http.ts';
import type { Charge } from './memory-budget.ts';

/** The response of a call, as seen by the accounting of its bytes. */
export interface OpenResponse {
  /** The charge for the request, until the response has been sent or aborted. */
  readonly charge: Charge;
  /** Aborts it: resets the stream with ENHANCE_YOUR_CALM, or destroys the connection of HTTP/1.1. */
  cut(): void;
  /** Resolves when all that was written of it has left, or it is closed. Absent: it is written at once. */
  readonly sent?: () => Promise<void>;
}

export const responseKey: ContextKey<OpenResponse | undefined> = createContextKey<OpenResponse | undefined>(
  undefined,
  { description: 'the response of the call' },
);

/** How to wait until what was written has left, by response. */
const waits = new WeakMap<Writable, () => Promise<void>>();

/**
 * Resolves when all that was written of a response has left for its client, or the response is closed. It is cut as
 * {@link cutWhenStalled}, which must have been called for it, says.
 */
export async function sent(res: Writable): Promise<void> {
  await waits.get(res)?.();
}

/** Trailers are sent just after the end of a response; closing the stream at once would drop them. */
const TRAILERS_MS = 50;

/**
 * Cuts a response when the client has read nothing of the pending bytes for `stallMs`. A response with nothing to send,
 * such as a stream between two messages, is not affected, nor is one that `isQueued` behind others. Progress is measured
 * per write, so long bodies must be written in pieces.
 */
export function cutWhenStalled(
  res: Writable,
  stallMs: number,
  cut: () => void,
  isQueued: () => boolean = () => false,
): void {
  let timer: NodeJS.Timeout | undefined;
  /** The writes that have not left. */
  let pending = 0;
  let waiting: (() => void) | undefined;
  // Responses of HTTP/2 do not say so themselves.
  let isClosed = false;
  const write = res.write.bind(res) as (...args: unknown[]) => boolean;
  const end = res.end.bind(res) as (...args: unknown[]) => Writable;

  function stopTimer(): void {
    clearTimeout(timer);
  }

  function expectProgress(): void {
    stopTimer();
    // Its client may have cancelled it.
    if (isClosed) return;
    timer = setTimeout(() => {
      if (isQueued()) expectProgress();
      else cut();
    }, stallMs);
  }

  function stopWaiting(): void {
    if (waiting === undefined) return;
    stopTimer();
    waiting();
    waiting = undefined;
  }

  waits.set(res, () => {
    if (pending === 0 || isClosed || res.destroyed) return Promise.resolve();
    expectProgress();
    return new Promise((resolve) => {
      waiting = resolve;
    });
  });

  res.write = (...args: unknown[]) => {
    const done =
      typeof args.at(-1) === 'function' ? (args.pop() as (error?: Error | null) => void) : undefined;
    pending += 1;
    args.push((error?: NodeJS.ErrnoException | null) => {
      pending -= 1;
      // The connection was closed, or its client disconnected; Connect logs ECANCELED as a fault.
      if (error?.code === 'ECANCELED') error.code = 'ECONNRESET';
      done?.(error);
      if (pending === 0) stopWaiting();
    });
    const taken = write(...args);
    if (!taken) expectProgress();
    return taken;
  };
  res.end = ((...args: unknown[]) => {
    expectProgress();
    return end(...args);
  }) as Writable['end'];
  res.on('drain', () => {
    if (!res.writableEnded) stopTimer();
  });
  res.once('close', () => {
    isClosed = true;
    stopTimer();
    stopWaiting();
  });
}

/**
 * Called with the end of a response that precedes the end of its request: drops the rest of the request, which would be
 * buffered until the response has been sent, and for which Node would leave the stream open.
 */
export function dropRest(stream: ServerHttp2Stream): void {
  // Detached from its reader, which would be waited for.
  stream.removeAllListeners('data');
  stream.resume();
  stream.once('finish', () => {
    if (stream.readableEnded) return;
    const timer = setTimeout(() => stream.destroy(), TRAILERS_MS);
    stream.once('close', () => clearTimeout(timer));
  });
}

/** Each is of the size of a stream's buffer, so that the next is written when it has drained. */
export const PIECE_BYTES = getDefaultHighWaterMark(false);

/**
 * Ends a response with these bytes, unless its client has gone, and charges for what has not been sent: it is cut when
 * there is no memory for it. Resolves when the last bytes wait in the stream.
 */
export async function endInPieces(
  stream: Writable,
  bytes: Uint8Array,
  { charge, cut }: OpenResponse,
): Promise<void> {
  for (let at = 0; at < bytes.length && !stream.destroyed; at += PIECE_BYTES) {
    if (!charge.holdResponse(bytes.length - at)) {
      cut();
      return;
    }
    const piece = bytes.subarray(at, at + PIECE_BYTES);
    if (at + PIECE_BYTES >= bytes.length) stream.end(piece);
    else if (!stream.write(piece)) await drained(stream);
  }
}

function drained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    function done(): void {
      stream.off('drain', done);
      stream.off('close', done);
      resolve();
    }
    stream.on('drain', done);
    stream.on('close', done);
  });
}

/** Aborts a request without a response, or in the middle of one. */
export function cutResponse(req: HttpRequest, res: HttpResponse, code?: number): void {
  if ('stream' in res) cutStream(res.stream as ServerHttp2Stream, code);
  else req.socket.destroy();
}

/** Resets a stream. */
export function cutStream(
  stream: ServerHttp2Stream,
  code: number = constants.NGHTTP2_ENHANCE_YOUR_CALM,
): void {
  stream.close(code);
  stream.destroy();
}
