import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { PIECE_BYTES } from './admission.ts';
import { dropRest, type OpenResponse } from './responses.ts';

/** A gRPC response: `frame` is its message with its prefix; undefined for an error. */
export interface GrpcResponse {
  readonly header: OutgoingHttpHeaders;
  readonly frame: Uint8Array | undefined;
  readonly trailer: OutgoingHttpHeaders;
}

/**
 * Sends a response, unless its stream is closed, and charges for what has not been sent: it is cut when there is no
 * memory for it. `onFault` is called when it cannot be sent, such as for a header that HTTP/2 does not allow. Resolves
 * when the last bytes wait in the stream.
 */
export async function sendResponse(
  http2: ServerHttp2Stream,
  { header, frame, trailer }: GrpcResponse,
  { charge, cut }: OpenResponse,
  onFault: (error: unknown) => void,
): Promise<void> {
  if (http2.destroyed || http2.closed) return;
  if (!http2.readableEnded) dropRest(http2);
  try {
    http2.respond({ ':status': 200, ...header }, { waitForTrailers: true });
  } catch (error) {
    onFault(error);
    return;
  }
  http2.on('wantTrailers', () => {
    try {
      http2.sendTrailers(trailer);
    } catch (error) {
      onFault(error);
    }
  });
  if (frame === undefined) {
    http2.end();
    return;
  }
  for (let at = 0; at < frame.length && !http2.destroyed; at += PIECE_BYTES) {
    if (!charge.holdResponse(frame.length - at)) {
      cut();
      return;
    }
    const piece = frame.subarray(at, at + PIECE_BYTES);
    if (at + PIECE_BYTES >= frame.length) http2.end(piece);
    else if (!http2.write(piece)) await drained(http2);
  }
}

function drained(http2: ServerHttp2Stream): Promise<void> {
  return new Promise((resolve) => {
    function done(): void {
      http2.off('drain', done);
      http2.off('close', done);
      resolve();
    }
    http2.on('drain', done);
    http2.on('close', done);
  });
}
