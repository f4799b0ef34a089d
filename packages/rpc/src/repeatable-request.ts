import { createHash } from 'node:crypto';
import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import type { ConnectError, HandlerContext } from '@connectrpc/connect';
import type {
  FindResponse,
  RepeatableRequest,
  RunEachIdempotent,
  RunIdempotent,
  StoredResponse,
} from '@orderflow/runtime';
import { customerOf } from './access/caller.ts';
import { callerIdOf } from './caller-id.ts';
import { rpcError } from './errors.ts';
import { storableText } from './invalid-request.ts';

/**
 * The identity of a repeatable call; undefined when the caller gave no request_id.
 * @throws INVALID_REQUEST when the request id or the caller id cannot be stored.
 */
export function repeatableRequest<Desc extends DescMessage>(
  schema: Desc,
  request: MessageShape<Desc> & { readonly requestId: string },
  context: Pick<HandlerContext, 'requestHeader' | 'values' | 'service' | 'method'>,
): RepeatableRequest | undefined {
  if (request.requestId === '') return undefined;
  const hash = createHash('sha256').update(toBinary(schema, { ...request, requestId: '' }));
  // A stored response is not checked again: who was an operator, or another customer, then asked for something else.
  const customerId = customerOf(context);
  if (customerId !== undefined) hash.update(`\0${customerId}`);
  return {
    callerId: callerIdOf(context),
    method: `${context.service.typeName}/${context.method.name}`,
    requestId: storableText('request_id', request.requestId),
    contentHash: hash.digest(),
  };
}

/**
 * Returns the response of the work, or the stored response of this request. `schema` is the response's.
 * `runIdempotent` belongs to the transaction in which the work is done.
 * @throws REQUEST_ID_REUSED when the request id was used before with other content.
 */
export async function respondIdempotently<Desc extends DescMessage>(
  schema: Desc,
  request: RepeatableRequest | undefined,
  runIdempotent: RunIdempotent,
  work: () => Promise<MessageInitShape<Desc>>,
): Promise<MessageShape<Desc>> {
  const stored = await runIdempotent(request, async () => toBinary(schema, create(schema, await work())));
  return responseOf(schema, request, stored);
}

/**
 * {@link respondIdempotently} for many requests in one transaction. The work gets the indexes of the requests without a
 * stored response, and returns a response for each, or its error. Returns responses in the order of the requests.
 */
export async function respondEachIdempotently<Desc extends DescMessage>(
  schema: Desc,
  requests: readonly (RepeatableRequest | undefined)[],
  runEachIdempotent: RunEachIdempotent,
  work: (indexes: readonly number[]) => Promise<readonly (MessageInitShape<Desc> | Error)[]>,
): Promise<(MessageShape<Desc> | Error)[]> {
  const made = new Map<number, MessageShape<Desc> | Error>();
  const stored = await runEachIdempotent(requests, async (indexes) => {
    const responses = await work(indexes);
    const bytes = new Map<number, Uint8Array | undefined>();
    for (const [index, position] of indexes.entries()) {
      const response = responses[index];
      if (response === undefined) throw new Error('a request was left without a response');
      const result = response instanceof Error ? response : create(schema, response);
      made.set(position, result);
      bytes.set(position, result instanceof Error ? undefined : toBinary(schema, result));
    }
    return bytes;
  });
  return requests.map((request, position) => {
    const result = made.get(position);
    if (result !== undefined) return result;
    const earlier = stored[position];
    if (earlier === undefined) return new Error('a request was left without a response');
    return earlier.kind === 'reused' ? reused(request) : fromBinary(schema, earlier.bytes);
  });
}

/**
 * Returns the stored response of this request, if any; for work that must be done before the transaction of
 * {@link respondIdempotently} begins.
 * @throws REQUEST_ID_REUSED when the request id was used before with other content.
 */
export async function earlierResponse<Desc extends DescMessage>(
  schema: Desc,
  request: RepeatableRequest | undefined,
  findResponse: FindResponse,
): Promise<MessageShape<Desc> | undefined> {
  const stored = request && (await findResponse(request));
  return stored && responseOf(schema, request, stored);
}

function responseOf<Desc extends DescMessage>(
  schema: Desc,
  request: RepeatableRequest | undefined,
  stored: StoredResponse,
): MessageShape<Desc> {
  if (stored.kind === 'response') return fromBinary(schema, stored.bytes);
  throw reused(request);
}

function reused(request: RepeatableRequest | undefined): ConnectError {
  const { requestId = '', method = '' } = request ?? {};
  return rpcError(
    'REQUEST_ID_REUSED',
    `request_id ${requestId} was used for another ${method}: choose a new one for every new request`,
    { request_id: requestId },
  );
}
