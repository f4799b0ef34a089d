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
  AnswerEachOnce,
  AnswerOnce,
  FindAnswer,
  KeptAnswer,
  RepeatableRequest,
} from '@orderflow/runtime';
import { callerIdOf } from './caller-id.ts';
import { rpcError } from './errors.ts';
import { storableText } from './invalid-request.ts';

/**
 * What makes the call repeatable; undefined when the caller gave no request_id.
 * @throws INVALID_REQUEST when the request id or the caller id cannot be stored.
 */
export function repeatableRequest<Desc extends DescMessage>(
  schema: Desc,
  request: MessageShape<Desc> & { readonly requestId: string },
  context: Pick<HandlerContext, 'requestHeader' | 'service' | 'method'>,
): RepeatableRequest | undefined {
  if (request.requestId === '') return undefined;
  const content = toBinary(schema, { ...request, requestId: '' });
  return {
    callerId: callerIdOf(context),
    method: `${context.service.typeName}/${context.method.name}`,
    requestId: storableText('request_id', request.requestId),
    contentHash: createHash('sha256').update(content).digest(),
  };
}

/**
 * The response that the work makes, or the one that this request was answered with before. `schema` is the response's.
 * `answerOnce` belongs to the transaction in which the work is done.
 * @throws REQUEST_ID_REUSED when the request id came with other content before.
 */
export async function answerRepeatably<Desc extends DescMessage>(
  schema: Desc,
  request: RepeatableRequest | undefined,
  answerOnce: AnswerOnce,
  work: () => Promise<MessageInitShape<Desc>>,
): Promise<MessageShape<Desc>> {
  const kept = await answerOnce(request, async () => toBinary(schema, create(schema, await work())));
  return responseOf(schema, request, kept);
}

/**
 * {@link answerRepeatably} for many requests in one transaction. The work gets the places of those that were not
 * answered before, and makes a response for each, or the error that is this one's alone. Answers in the order of the
 * requests.
 */
export async function answerEachRepeatably<Desc extends DescMessage>(
  schema: Desc,
  requests: readonly (RepeatableRequest | undefined)[],
  answerEachOnce: AnswerEachOnce,
  work: (places: readonly number[]) => Promise<readonly (MessageInitShape<Desc> | Error)[]>,
): Promise<(MessageShape<Desc> | Error)[]> {
  const made = new Map<number, MessageShape<Desc> | Error>();
  const kept = await answerEachOnce(requests, async (places) => {
    const responses = await work(places);
    const bytes = new Map<number, Uint8Array | undefined>();
    for (const [index, place] of places.entries()) {
      const response = responses[index];
      if (response === undefined) throw new Error('a request was left without a response');
      const answer = response instanceof Error ? response : create(schema, response);
      made.set(place, answer);
      bytes.set(place, answer instanceof Error ? undefined : toBinary(schema, answer));
    }
    return bytes;
  });
  return requests.map((request, place) => {
    const answer = made.get(place);
    if (answer !== undefined) return answer;
    const earlier = kept[place];
    if (earlier === undefined) return new Error('a request was left without an answer');
    return earlier.kind === 'reused' ? reused(request) : fromBinary(schema, earlier.bytes);
  });
}

/**
 * The response that this request was answered with before, if any; for what has to be done before the transaction of
 * {@link answerRepeatably} begins.
 * @throws REQUEST_ID_REUSED when the request id came with other content before.
 */
export async function earlierAnswer<Desc extends DescMessage>(
  schema: Desc,
  request: RepeatableRequest | undefined,
  findAnswer: FindAnswer,
): Promise<MessageShape<Desc> | undefined> {
  const kept = request && (await findAnswer(request));
  return kept && responseOf(schema, request, kept);
}

function responseOf<Desc extends DescMessage>(
  schema: Desc,
  request: RepeatableRequest | undefined,
  kept: KeptAnswer,
): MessageShape<Desc> {
  if (kept.kind === 'answer') return fromBinary(schema, kept.bytes);
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
