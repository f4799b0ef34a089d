import type { DescMessage, DescMethod, Message } from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel as IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import type { Logger } from '@orderflow/runtime';
import { cutToBytes } from '../short-text.ts';
import type { Caller } from './caller.ts';

/** A call that has ended, for the audit; of those that are RATE_LIMITED the first in a while. */
export interface AuditedCall {
  readonly method: DescMethod;
  readonly caller: Caller;
  /** Undefined when it was refused before its request was read. */
  readonly request: Message | undefined;
  readonly response: Message | undefined;
  /** `ok`, or the reason of the error. */
  readonly outcome: string;
}

/** The errors that say who may not call; the others say nothing about that. */
const refusals: ReadonlySet<string> = new Set(['PERMISSION_DENIED', 'RATE_LIMITED']);

/**
 * Writes the audit: a line for each call that may have changed something, or that its caller was not allowed. The lines
 * have `stream: "audit"`, and do not depend on LOG_LEVEL.
 */
export function createAudit(logger: Logger): (call: AuditedCall) => void {
  const audit = logger.child({ stream: 'audit' }, { level: 'info' });
  return ({ method, caller, request, response, outcome }) => {
    if (method.idempotency === IdempotencyLevel.NO_SIDE_EFFECTS && !refusals.has(outcome)) return;
    const { issuer, subject, onBehalfOf } = caller;
    audit.info(
      {
        subject,
        issuer,
        ...(onBehalfOf !== undefined && { on_behalf_of: onBehalfOf }),
        method: `${method.parent.typeName}/${method.name}`,
        object: short(idIn(method.input, request) || idIn(method.output, response)),
        outcome,
        request_id: short(textIn(request, 'requestId')),
      },
      'audit',
    );
  };
}

/** Longer than any id that a contract allows, in UTF-8. A request that was refused may have megabytes. */
const MAX_ID_BYTES = 1024;

function short(id: string): string {
  return cutToBytes(id, MAX_ID_BYTES);
}

/** Fields that name what a call is about, the most exact first. */
const idFields = ['orderId', 'paymentId', 'notificationId', 'productId', 'customerId', 'chargeId'] as const;

/** The id in a message, or in one of its messages: `o-1` of `{order: {order_id: "o-1"}}`. */
function idIn(desc: DescMessage, message: Message | undefined): string {
  if (message === undefined) return '';
  for (const name of idFields) {
    const id = textIn(message, name);
    if (id !== '') return id;
  }
  const inside = desc.fields.find(({ fieldKind }) => fieldKind === 'message');
  const value = inside && (message as unknown as Record<string, unknown>)[inside.localName];
  return inside?.message && value ? idIn(inside.message, value as Message) : '';
}

function textIn(message: Message | undefined, name: string): string {
  const value = (message as unknown as Record<string, unknown> | undefined)?.[name];
  return typeof value === 'string' ? value : '';
}
