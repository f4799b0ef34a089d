import { create, type DescMessage, type Message } from '@bufbuild/protobuf';
import { Code, ConnectError, type ContextKey, createContextKey, type Interceptor } from '@connectrpc/connect';
import type { Compression } from '@connectrpc/connect/protocol';
import type { RestResponse } from './adapter.ts';
import type { ReadRequest } from './request-json.ts';

/** A call that came as a REST request. Its body has another form than that of the method's request. */
export interface RestCall {
  /** What the body is checked against before it is parsed. */
  readonly bodyDesc: DescMessage;
  readonly bodyCompression: Compression | undefined;
  /** Set when the body has been read. */
  read: ReadRequest | undefined;
  /** Writes the response of the method. */
  readonly respond: (response: Message, request: Message) => RestResponse;
  /** Set when the method has responded. */
  response: WrittenResponse | undefined;
}

/** The response of a method as it is sent. */
export interface WrittenResponse extends Omit<RestResponse, 'body'> {
  readonly body: Buffer;
}

/** Set for calls that came as REST requests only. */
export const restCallKey: ContextKey<RestCall | undefined> = createContextKey<RestCall | undefined>(
  undefined,
  {
    description: 'the REST request of the call',
  },
);

/**
 * Hands messages of REST calls past Connect, for which they are empty: it would encode and decode each once more. Must
 * be the outermost interceptor.
 */
export const restMessages: Interceptor = (next) => async (req) => {
  const call = req.contextValues.get(restCallKey);
  if (call === undefined || req.stream) return next(req);
  if (call.read === undefined) throw new Error('a REST call is handled whose body was not read');
  const { request } = call.read;
  const res = await next({ ...req, message: request });
  if (res.stream) throw new Error('a unary call has a stream of responses');
  try {
    const { body, ...others } = call.respond(res.message, request);
    call.response = { ...others, body: Buffer.from(JSON.stringify(body)) };
  } catch (error) {
    // As Connect does when it cannot encode a message.
    throw ConnectError.from(error, Code.Internal);
  }
  return { ...res, message: create(req.method.output) };
};
