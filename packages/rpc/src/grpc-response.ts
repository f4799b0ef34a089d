import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { dropRest, endInPieces, type OpenResponse } from './responses.ts';

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
  open: OpenResponse,
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
  if (frame === undefined) http2.end();
  else await endInPieces(http2, frame, open);
}
