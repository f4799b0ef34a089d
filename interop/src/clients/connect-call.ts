// Also part of the page that calls from a browser: nothing of Node.
import {
  type DescMethod,
  type DescService,
  fromJson,
  type JsonObject,
  type Message,
  type Registry,
  toJson,
} from '@bufbuild/protobuf';
import { type CallOptions, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import type { Call, Ending } from './client.ts';
import { endingOf } from './connect-error.ts';

type Method = (request: Message, options: CallOptions) => Promise<Message> | AsyncIterable<Message>;

/** Makes a call with the generated code of a service and a transport of Connect-ES. `signal` cancels it, too. */
export async function callWith(
  transport: Transport,
  { services, registry }: { services: ReadonlyMap<string, DescService>; registry: Registry },
  call: Call,
  signal?: AbortSignal,
): Promise<Ending> {
  const { service, method } = methodOf(services, call);
  const client = createClient(service, transport) as unknown as Record<string, Method>;
  const abort = new AbortController();
  const cancel =
    call.cancelAfterMs === undefined ? undefined : setTimeout(() => abort.abort(), call.cancelAfterMs);
  let headers: Record<string, string> = {};
  let trailers: Record<string, string> = {};
  const messages: JsonObject[] = [];
  const received = (message: Message) => {
    messages.push(toJson(method.output, message, { registry }) as JsonObject);
    if (messages.length === call.cancelAfterMessages) abort.abort();
  };
  try {
    const request = fromJson(method.input, call.request, { registry });
    const response = client[method.localName]?.(request, {
      headers: call.headers,
      signal: signal === undefined ? abort.signal : AbortSignal.any([abort.signal, signal]),
      ...(call.timeoutMs !== undefined && { timeoutMs: call.timeoutMs }),
      onHeader: (values) => {
        headers = Object.fromEntries(values);
      },
      onTrailer: (values) => {
        trailers = Object.fromEntries(values);
      },
    });
    if (response === undefined) throw new Error(`the client has no method ${method.localName}`);
    if (Symbol.asyncIterator in response) for await (const message of response) received(message);
    else received(await response);
    return { code: 'ok', message: '', details: [], messages, headers, trailers };
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    const ending = endingOf(error, registry);
    return { ...ending, messages, headers: { ...headers, ...ending.headers }, trailers };
  } finally {
    clearTimeout(cancel);
  }
}

/** Returns the method of a call. */
export function methodOf(
  services: ReadonlyMap<string, DescService>,
  { service: name, method: methodName }: Pick<Call, 'service' | 'method'>,
): { service: DescService; method: DescMethod } {
  const service = services.get(name);
  const method = service?.methods.find((each) => each.name === methodName);
  if (service === undefined || method === undefined)
    throw new Error(`there is no method ${name}/${methodName}`);
  return { service, method };
}
