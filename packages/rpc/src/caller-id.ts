import type { HandlerContext } from '@connectrpc/connect';
import { callerKey } from './access/caller.ts';
import { invalidRequest } from './invalid-request.ts';
import { UnaryCall } from './unary-call.ts';

/** The header in which a caller names itself, and a service whom it calls for. */
export const callerHeader = 'x-caller-id';

/** Headers carry ASCII only: other characters do not arrive as they were sent. */
const callerId = /^[\x20-\x7e]{1,128}$/;

/**
 * The caller, as its token says. Where no tokens are required, as it identifies itself in the header `x-caller-id`;
 * `anonymous` without it: all calls without it share one namespace of request ids.
 * @throws INVALID_REQUEST when the header has more than 128 characters, or some that are not printable ASCII.
 */
export function callerIdOf(context: Pick<HandlerContext, 'requestHeader' | 'values'>): string {
  return context.values.get(callerKey)?.id ?? statedCallerOf(context) ?? 'anonymous';
}

/**
 * The header `x-caller-id`, which proves nothing; undefined when it is absent or empty.
 * @throws INVALID_REQUEST as {@link callerIdOf}
 */
export function statedCallerOf(context: Pick<HandlerContext, 'requestHeader'>): string | undefined {
  const value =
    context instanceof UnaryCall
      ? context.headerValue(callerHeader)
      : context.requestHeader.get(callerHeader);
  if (!value) return undefined;
  if (callerId.test(value)) return value;
  throw invalidRequest([
    {
      field: callerHeader,
      description: 'must be at most 128 printable ASCII characters',
      reason: 'header.caller_id',
    },
  ]);
}
