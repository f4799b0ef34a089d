import { fromBinary, fromJson, type JsonObject, toBinary, toJson } from '@bufbuild/protobuf';
import {
  Client as Channel,
  type ClientReadableStream,
  credentials,
  Metadata,
  type ServiceError,
  status as statuses,
} from '@grpc/grpc-js';
import { type Client, type Ending, emptyEnding } from './client.ts';
import { methodOf } from './connect-call.ts';
import { codeName, detailOf } from './connect-error.ts';
import type { Contracts } from './contracts.ts';

/** Creates the client @grpc/grpc-js: gRPC, with the generated messages. */
export function createGrpcJs({ services, registry }: Contracts): Client {
  const channels = new Map<string, Channel>();
  const channelTo = (url: string) => {
    const channel = channels.get(url) ?? new Channel(new URL(url).host, credentials.createInsecure());
    channels.set(url, channel);
    return channel;
  };
  const statusSchema = registry.getMessage('google.rpc.Status');

  /** The details of an error: a google.rpc.Status in a trailer, whose details are messages with their type. */
  function detailsIn(trailers: Metadata): Ending['details'] {
    const [bytes] = trailers.get('grpc-status-details-bin');
    if (statusSchema === undefined || !Buffer.isBuffer(bytes)) return [];
    const { details = [] } = fromBinary(statusSchema, bytes) as unknown as {
      details?: readonly { typeUrl: string; value: Uint8Array }[];
    };
    return details.map(({ typeUrl, value }) => detailOf(typeUrl.split('/').at(-1) ?? '', value, registry));
  }

  return {
    call(call) {
      const { service, method } = methodOf(services, call);
      const metadata = new Metadata();
      for (const [name, value] of Object.entries(call.headers)) metadata.set(name, value);
      const messages: JsonObject[] = [];
      let headers: Ending['headers'] = {};
      return new Promise((resolve) => {
        const path = `/${service.typeName}/${method.name}`;
        const serialize = (json: JsonObject) =>
          Buffer.from(toBinary(method.input, fromJson(method.input, json, { registry })));
        const deserialize = (bytes: Buffer) =>
          toJson(method.output, fromBinary(method.output, bytes), { registry }) as JsonObject;
        const options = call.timeoutMs === undefined ? {} : { deadline: Date.now() + call.timeoutMs };
        const ended = (error?: Pick<ServiceError, 'code' | 'details' | 'metadata'> | null) => {
          clearTimeout(timer);
          const trailers = { trailers: error ? flat(error.metadata) : {} };
          if (!error || error.code === statuses.OK)
            return resolve({ ...emptyEnding, messages, headers, ...trailers });
          resolve({
            ...{ code: codeName(error.code), message: error.details, details: detailsIn(error.metadata) },
            ...{ messages, headers, ...trailers },
          });
        };
        const stream: ClientReadableStream<JsonObject> | ReturnType<Channel['makeUnaryRequest']> =
          method.methodKind === 'unary'
            ? channelTo(call.url).makeUnaryRequest<JsonObject, JsonObject>(
                ...([path, serialize, deserialize, call.request, metadata, options] as const),
                (error, message) => {
                  if (message !== undefined) messages.push(message);
                  ended(error);
                },
              )
            : channelTo(call.url)
                .makeServerStreamRequest<JsonObject, JsonObject>(
                  ...([path, serialize, deserialize, call.request, metadata, options] as const),
                )
                .on('data', (message: JsonObject) => {
                  messages.push(message);
                  if (messages.length === call.cancelAfterMessages) stream.cancel();
                })
                .on('error', () => {}) // The status, which follows, has it.
                .on('status', ended);
        stream.on('metadata', (received: Metadata) => {
          headers = flat(received);
        });
        const timer =
          call.cancelAfterMs === undefined
            ? undefined
            : setTimeout(() => stream.cancel(), call.cancelAfterMs);
      });
    },
    async stop() {
      for (const channel of channels.values()) channel.close();
    },
  };
}

const flat = (metadata: Metadata | undefined) =>
  Object.fromEntries(Object.entries(metadata?.getMap() ?? {}).map(([name, value]) => [name, String(value)]));
