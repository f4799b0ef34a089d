// The client under test: calls of the suite's service by createRpcClient.
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { DescMethod, Message } from '@bufbuild/protobuf';
import { type Any, anyUnpack } from '@bufbuild/protobuf/wkt';
import { type CallOptions, ConnectError } from '@connectrpc/connect';
import { createRpcClient } from '@orderflow/rpc';
import { createLogger } from '@orderflow/runtime';
import { addHeaders, fromHeaders, type Header, type Known, type Protos } from './protos.ts';

type Request = Known<{
  readonly testName: string;
  readonly protocol: number;
  readonly host: string;
  readonly port: number;
  readonly messageReceiveLimit: number;
  readonly method: string;
  readonly streamType: number;
  readonly requestHeaders: readonly Header[];
  readonly requestMessages: readonly Any[];
  readonly timeoutMs?: number;
  readonly requestDelayMs: number;
  readonly cancel?: {
    readonly cancelTiming:
      | { readonly case: 'beforeCloseSend' }
      | { readonly case: 'afterCloseSendMs' | 'afterNumResponses'; readonly value: number }
      | { readonly case: undefined };
  };
}>;

/** Numbers of the suite's enums. */
const PROTOCOL_CONNECT = 1;
const FULL_DUPLEX = 5;

/** Concurrent calls. The deadlines of the suite assume a client without hundreds of concurrent calls. */
const MAX_CONCURRENT = 8;

/** Makes the calls that the suite requests on this stream, and reports how each ended. */
export async function callConformance(protos: Protos, stream: Duplex): Promise<void> {
  const inFlight = new Set<Promise<void>>();
  for await (const request of protos.read<Request>(stream, 'ClientCompatRequest')) {
    const call: Promise<void> = callOnce(protos, request).then((response) => {
      inFlight.delete(call);
      const result = { case: 'response', value: protos.message('ClientResponseResult', response) };
      protos.write(stream, 'ClientCompatResponse', { testName: request.testName, result });
    });
    inFlight.add(call);
    if (inFlight.size >= MAX_CONCURRENT) await Promise.race(inFlight);
  }
  await Promise.all(inFlight);
  stream.end();
}

async function callOnce(protos: Protos, request: Request): Promise<Record<string, unknown>> {
  const { method: name, host, port, messageReceiveLimit, timeoutMs } = request;
  const method = protos.service.methods.find((method) => method.name === name);
  if (!method) throw new Error(`the conformance suite has no method ${name}`);
  const { client, transport } = createRpcClient(protos.service, {
    name: 'conformance',
    baseUrl: `http://${host}:${port}`,
    protocol: request.protocol === PROTOCOL_CONNECT ? 'connect' : 'grpc',
    logger: createLogger({ service: 'conformance', level: 'fatal' }),
    // Everything else is as in every service.
    policies: 'none',
    ...(messageReceiveLimit > 0 && { readMaxBytes: messageReceiveLimit }),
  });
  const abort = new AbortController();
  const timing = request.cancel?.cancelTiming ?? { case: undefined };
  const payloads: Message[] = [];
  const result: Record<string, unknown> = { payloads };
  let ended = false;
  let progress = Promise.withResolvers<void>();

  function moved(): void {
    progress.resolve();
    progress = Promise.withResolvers();
  }

  function receive(message: unknown): void {
    payloads.push((message as { payload: Message }).payload);
    if (timing.case === 'afterNumResponses' && payloads.length >= timing.value) abort.abort();
    moved();
  }

  function isSent(): void {
    if (timing.case === 'afterCloseSendMs') setTimeout(() => abort.abort(), timing.value);
  }

  async function* messages(): AsyncGenerator<Message> {
    for (const [n, any] of request.requestMessages.entries()) {
      await delay(request.requestDelayMs);
      yield unpack(protos, method as DescMethod, any);
      while (request.streamType === FULL_DUPLEX && payloads.length <= n && !ended) await progress.promise;
    }
    if (timing.case === 'beforeCloseSend') abort.abort();
    else isSent();
  }

  async function onlyMessage(): Promise<Message> {
    const [message] = await Array.fromAsync(messages());
    if (!message) throw new Error(`${request.testName} has no message`);
    return message;
  }

  const headers = new Headers();
  addHeaders(headers, request.requestHeaders);
  const options: CallOptions = {
    headers,
    signal: abort.signal,
    ...(timeoutMs !== undefined && { timeoutMs }),
    onHeader: (header) => {
      result['responseHeaders'] = fromHeaders(header);
    },
    onTrailer: (trailer) => {
      result['responseTrailers'] = fromHeaders(trailer);
    },
  };
  const call = client[method.localName] as unknown as (input: unknown, options: CallOptions) => unknown;
  const { methodKind } = method;
  const isStreamIn = methodKind === 'client_streaming' || methodKind === 'bidi_streaming';
  try {
    const response = call(isStreamIn ? messages() : await onlyMessage(), options);
    if (methodKind === 'unary' || methodKind === 'client_streaming') receive(await response);
    else for await (const message of response as AsyncIterable<unknown>) receive(message);
  } catch (reason) {
    const error = ConnectError.from(reason);
    result['error'] = protos.message('Error', {
      code: error.code,
      message: error.rawMessage,
      details: error.details.flatMap((detail) =>
        'desc' in detail ? [] : [protos.any(detail.type, detail.value)],
      ),
    });
    result['responseHeaders'] ??= fromHeaders(error.metadata);
    result['responseTrailers'] ??= fromHeaders(error.metadata);
  } finally {
    ended = true;
    moved();
    transport.close();
  }
  return result;
}

function unpack(protos: Protos, method: DescMethod, any: Any): Message {
  const message = anyUnpack(any, protos.registry);
  if (!message) throw new Error(`${method.name} does not accept ${any.typeUrl}`);
  return message;
}
