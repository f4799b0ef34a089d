import { createHash } from 'node:crypto';
import { type DescMessage, type Message, type MessageShape, toBinary } from '@bufbuild/protobuf';
import type { HandlerContext } from '@connectrpc/connect';
import { Refusal } from '../../domain/refusal.ts';
import type { RepeatableRequest } from '../../ports.ts';
import { storableText } from './storable-text.ts';

const callerIdHeader = 'x-caller-id';
const maxCallerIdLength = 128;

/**
 * What makes the call repeatable; undefined when the caller gave no request_id.
 * @throws Refusal INVALID_REQUEST when the request id or the caller id cannot be stored.
 */
export function repeatableRequest<Desc extends DescMessage>(
  schema: Desc,
  request: MessageShape<Desc> & Message & { requestId: string },
  context: HandlerContext,
): RepeatableRequest | undefined {
  if (request.requestId === '') return undefined;
  const callerId = context.requestHeader.get(callerIdHeader) || 'anonymous';
  if (callerId.length > maxCallerIdLength) {
    throw new Refusal(
      'INVALID_REQUEST',
      `header ${callerIdHeader} has more than ${maxCallerIdLength} characters`,
    );
  }
  const content = toBinary(schema, { ...request, requestId: '' });
  return {
    callerId,
    method: context.method.name,
    requestId: storableText('request_id', request.requestId),
    contentHash: createHash('sha256').update(content).digest(),
  };
}
