import type { HandlerContext } from '@connectrpc/connect';
import { invalidRequest } from './invalid-request.ts';
import { UnaryCall } from './unary-call.ts';

/** The header in which a caller names itself. */
export const callerHeader = 'x-caller-id';

/** Headers carry ASCII only: other characters do not arrive as they were sent. */
const callerId = /^[\x20-\x7e]{1,128}$/;

/**
 * The caller, as it identifies itself in the header `x-caller-id`; `anonymous` without it.
 * All calls without it share one namespace of request ids.
 * @throws INVALID_REQUEST when the header has more than 128 characters, or some that are not printable ASCII.
 */
export function callerIdOf(context: Pick<HandlerContext, 'requestHeader'>): string {
  const value =
    context instanceof UnaryCall
      ? context.headerValue(callerHeader)
      : context.requestHeader.get(callerHeader);
  const given = value || 'anonymous';
  if (callerId.test(given)) return given;
  throw invalidRequest([
    {
      field: callerHeader,
      description: 'must be at most 128 printable ASCII characters',
      reason: 'header.caller_id',
    },
  ]);
}
