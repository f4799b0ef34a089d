import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { DescMethod } from '@bufbuild/protobuf';
import { Code } from '@connectrpc/connect';
import { codeToString } from '@connectrpc/connect/protocol-connect';
import { contentTypeProto, setTrailerStatus } from '@connectrpc/connect/protocol-grpc';
import { histogram, type Meter } from '@orderflow/runtime';
import { nodeHeaders } from './http-headers.ts';
import { metric } from './metrics.ts';
import { type OverloadCause, overloaded } from './overloaded.ts';
import { dropRest } from './responses.ts';
import { encodingTrailers } from './trailers.ts';

/**
 * Returns a function that responds to a gRPC call with OVERLOADED before anything else is done for it: a server that is
 * overloaded must not spend its time on refusals. The response is headers only, made once for each cause.
 */
export function createStreamRefusals(
  meter: Meter | undefined,
  countRefusal: (cause: OverloadCause) => void,
): (http2: ServerHttp2Stream, method: DescMethod, cause: OverloadCause) => void {
  const durations = meter && histogram(meter, metric.rpcServerDuration);
  const responses = new Map<OverloadCause, OutgoingHttpHeaders>();

  function responseOf(cause: OverloadCause): OutgoingHttpHeaders {
    let response = responses.get(cause);
    if (response === undefined) {
      const trailer = encodingTrailers(new Headers());
      setTrailerStatus(trailer, overloaded(cause));
      response = { ':status': 200, 'content-type': contentTypeProto, ...nodeHeaders(trailer) };
      responses.set(cause, response);
    }
    return response;
  }

  return (http2, method, cause) => {
    dropRest(http2);
    http2.respond(responseOf(cause), { endStream: true });
    countRefusal(cause);
    durations?.record(0, {
      service: method.parent.typeName,
      method: method.name,
      code: codeToString(Code.ResourceExhausted),
      protocol: 'grpc',
    });
  };
}
