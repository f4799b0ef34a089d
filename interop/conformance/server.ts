// The server under test: the suite's service behind createRpcServer.
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Message } from '@bufbuild/protobuf';
import { ConnectError, type HandlerContext, type ServiceImpl } from '@connectrpc/connect';
import { createRpcServer } from '@orderflow/rpc';
import { createHealth, createLogger } from '@orderflow/runtime';
import {
  addHeaders,
  type ErrorDefinition,
  fromHeaders,
  type Header,
  type Known,
  type Protos,
} from './protos.ts';

interface Definition {
  readonly responseHeaders: readonly Header[];
  readonly responseTrailers: readonly Header[];
  readonly responseDelayMs: number;
}
type UnaryRequest = Known<{
  readonly responseDefinition?: Definition & {
    readonly response:
      | { readonly case: 'responseData'; readonly value: Uint8Array }
      | { readonly case: 'error'; readonly value: ErrorDefinition }
      | { readonly case: undefined };
  };
}>;
type StreamRequest = Known<{
  readonly responseDefinition?: Definition & {
    readonly responseData: readonly Uint8Array[];
    readonly error?: ErrorDefinition;
  };
  readonly fullDuplex?: boolean;
}>;

/**
 * Starts the server that the suite requests on this stream, reports its address, stops it when the stream is closed.
 */
export async function serveConformance(protos: Protos, stream: Duplex): Promise<void> {
  const { registry, service } = protos;
  const requests = protos.read<{ readonly messageReceiveLimit: number }>(stream, 'ServerCompatRequest');
  for await (const { messageReceiveLimit } of requests) {
    const server = createRpcServer({
      service: 'conformance',
      host: '127.0.0.1',
      port: 0,
      services: [service],
      routes: (router) => router.service(service, handlers(protos), { jsonOptions: { registry } }),
      health: createHealth([]),
      prometheus: async () => '',
      logger: createLogger({ service: 'conformance', level: 'fatal' }),
      // Everything else is as in every service.
      policies: { declaredReasons: false, defaultDeadline: false, accessRules: false },
      ...(messageReceiveLimit > 0 && { limits: { readMaxBytes: messageReceiveLimit } }),
      drainMs: 0,
      graceMs: 0,
    });
    await server.start();
    protos.write(stream, 'ServerCompatResponse', { host: '127.0.0.1', port: server.port });
    await once(stream, 'close');
    await server.stop();
    return;
  }
}

function handlers(protos: Protos): Partial<ServiceImpl<Protos['service']>> {
  /** The properties of the request that the suite wants to be echoed. */
  function requestInfo(context: HandlerContext, requests: readonly Message[]): Message {
    const timeoutMs = context.timeoutMs();
    const query = context.requestMethod === 'GET' ? new URL(context.url).searchParams : undefined;
    return protos.message('ConformancePayload.RequestInfo', {
      requestHeaders: fromHeaders(context.requestHeader),
      ...(timeoutMs !== undefined && { timeoutMs: BigInt(Math.ceil(timeoutMs)) }),
      requests: requests.map(protos.pack),
      ...(query && {
        connectGetInfo: { queryParams: [...query].map(([name, value]) => ({ name, value: [value] })) },
      }),
    });
  }

  function errorOf({ code, message, details }: ErrorDefinition, info?: Message): ConnectError {
    const error = new ConnectError(message ?? '', code);
    error.details = [...details, ...(info ? [protos.pack(info)] : [])].map(({ typeUrl, value }) => ({
      type: typeUrl.slice(typeUrl.lastIndexOf('/') + 1),
      value,
    }));
    return error;
  }

  function begin(context: HandlerContext, definition: Definition | undefined): void {
    addHeaders(context.responseHeader, definition?.responseHeaders);
    addHeaders(context.responseTrailer, definition?.responseTrailers);
  }

  async function respondOnce(requests: readonly UnaryRequest[], context: HandlerContext) {
    const definition = requests[0]?.responseDefinition;
    begin(context, definition);
    await delay(definition?.responseDelayMs);
    const info = requestInfo(context, requests);
    const { response } = definition ?? {};
    if (response?.case === 'error') throw errorOf(response.value, info);
    const data = response?.case === 'responseData' && { data: response.value };
    return { payload: { ...data, requestInfo: info } };
  }

  /** Every response of the definition, after all requests have arrived. */
  async function* respondWithAll(requests: readonly StreamRequest[], context: HandlerContext) {
    const definition = requests[0]?.responseDefinition;
    begin(context, definition);
    let info: Message | undefined = requestInfo(context, requests);
    for (const data of definition?.responseData ?? []) {
      await delay(definition?.responseDelayMs);
      yield { payload: { data, ...(info && { requestInfo: info }) } };
      info = undefined;
    }
    if (definition?.error) throw errorOf(definition.error, info);
  }

  /** A response to each request as it arrives; the remaining ones after the last request. */
  async function* respondToEach(requests: AsyncIterable<StreamRequest>, context: HandlerContext) {
    let definition: StreamRequest['responseDefinition'];
    let left: readonly Uint8Array[] = [];
    let info: Message | undefined;
    for await (const request of requests) {
      if (!definition) {
        definition = request.responseDefinition;
        left = definition?.responseData ?? [];
        begin(context, definition);
      }
      info = requestInfo(context, [request]);
      const [data] = left;
      if (!data) break;
      left = left.slice(1);
      await delay(definition?.responseDelayMs);
      yield { payload: { data, requestInfo: info } };
    }
    for (const data of left) {
      await delay(definition?.responseDelayMs);
      yield { payload: { data } };
    }
    const hasResponse = (definition?.responseData.length ?? 0) > 0;
    if (definition?.error) throw errorOf(definition.error, hasResponse ? undefined : info);
  }

  async function* respondBidi(requests: AsyncIterable<StreamRequest>, context: HandlerContext) {
    const iterator = requests[Symbol.asyncIterator]();
    const first = await iterator.next();
    if (first.done) return;
    const all = (async function* () {
      yield first.value;
      yield* { [Symbol.asyncIterator]: () => iterator };
    })();
    if (first.value.fullDuplex) yield* respondToEach(all, context);
    else yield* respondWithAll(await Array.fromAsync(all), context);
  }

  const respondUnary = (request: UnaryRequest, context: HandlerContext) => respondOnce([request], context);
  const implementation = {
    unary: respondUnary,
    idempotentUnary: respondUnary,
    clientStream: async (requests: AsyncIterable<UnaryRequest>, context: HandlerContext) =>
      respondOnce(await Array.fromAsync(requests), context),
    serverStream: (request: StreamRequest, context: HandlerContext) => respondWithAll([request], context),
    bidiStream: respondBidi,
  };
  return implementation as unknown as ReturnType<typeof handlers>;
}
