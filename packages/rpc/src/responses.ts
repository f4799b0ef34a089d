import { constants, type ServerHttp2Stream } from 'node:http2';
import { type ContextKey, createContextKey } from '@connectrpc/connect';
import type { HttpRequest, HttpResponse } from './http.ts';
import type { Charge } from './memory-budget.ts';

/** The response of a call, as seen by the accounting of its bytes. */
export interface OpenResponse {
  /** The charge for the request, until the response has been sent or aborted. */
  readonly charge: Charge;
  /** Aborts it: resets the stream with ENHANCE_YOUR_CALM, or destroys the connection of HTTP/1.1. */
  cut(): void;
}

export const responseKey: ContextKey<OpenResponse | undefined> = createContextKey<OpenResponse | undefined>(
  undefined,
  { description: 'the response of the call' },
);

/** Tracks a response. `onCut` is called when it is cut. */
export function openResponse(
  req: HttpRequest,
  res: HttpResponse,
  charge: Charge,
  onCut: () => void,
): OpenResponse {
  res.once('close', charge.release);
  return {
    charge,
    cut() {
      onCut();
      cutResponse(req, res);
    },
  };
}

/**
 * Cuts a response when the client has read nothing of the pending bytes for `stallMs`. A response with nothing to send,
 * such as a stream between two messages, is not affected. Progress is measured per write, so long bodies must be
 * written in pieces.
 */
export function cutWhenStalled(
  req: HttpRequest,
  res: HttpResponse,
  stallMs: number,
  onCut: () => void,
): void {
  let timer: NodeJS.Timeout | undefined;
  const write = res.write.bind(res) as (...args: unknown[]) => boolean;
  const end = res.end.bind(res) as (...args: unknown[]) => HttpResponse;

  function stopTimer(): void {
    clearTimeout(timer);
  }

  function expectProgress(): void {
    stopTimer();
    timer = setTimeout(() => {
      // A pipelined request whose turn has not come yet.
      if (req.httpVersionMajor === 1 && !res.socket) {
        expectProgress();
        return;
      }
      onCut();
      cutResponse(req, res);
    }, stallMs);
  }

  res.write = (...args: unknown[]) => {
    const done = args.at(-1);
    if (typeof done === 'function') {
      args[args.length - 1] = (error?: NodeJS.ErrnoException | null) => {
        // The connection was closed, or its client disconnected; Connect logs ECANCELED as a fault.
        if (error?.code === 'ECANCELED') error.code = 'ECONNRESET';
        done(error);
      };
    }
    const taken = write(...args);
    if (!taken) expectProgress();
    return taken;
  };
  res.end = (...args: unknown[]) => {
    if (!res.closed) expectProgress();
    return end(...args);
  };
  res.on('drain', () => {
    if (!res.writableEnded) stopTimer();
  });
  res.once('close', stopTimer);
}

/** Aborts a request without a response, or in the middle of one. */
export function cutResponse(
  req: HttpRequest,
  res: HttpResponse,
  code: number = constants.NGHTTP2_ENHANCE_YOUR_CALM,
): void {
  if (!('stream' in res)) {
    req.socket.destroy();
    return;
  }
  const stream = res.stream as ServerHttp2Stream;
  stream.close(code);
  stream.destroy();
}
