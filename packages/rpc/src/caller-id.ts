import type { HandlerContext } from '@connectrpc/connect';
import { invalidRequest } from './invalid-request.ts';

const header = 'x-caller-id';

/** No control characters, nothing invisible. */
const callerId = /^\P{C}{1,128}$/u;

/**
 * Who calls, as the caller says in the header `x-caller-id`; `anonymous` without it.
 * @throws INVALID_REQUEST when the header has more than 128 characters, or some that cannot be printed.
 */
export function callerIdOf(context: Pick<HandlerContext, 'requestHeader'>): string {
  const given = context.requestHeader.get(header) || 'anonymous';
  if (callerId.test(given)) return given;
  throw invalidRequest([
    { field: header, description: 'must be at most 128 printable characters', reason: 'header.caller_id' },
  ]);
}
