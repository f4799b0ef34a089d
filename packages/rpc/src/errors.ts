import { Code, ConnectError } from '@connectrpc/connect';
import { ErrorInfoSchema } from '@orderflow/contracts/google/rpc/error_details';

/** The `domain` of every `google.rpc.ErrorInfo` that orderflow sends. */
export const errorDomain = 'orderflow';

/**
 * The catalogue of reasons. A reason decides the code; `description` says what it means and what the caller can do.
 * docs/errors.md is tested against it.
 */
export const errorReasons = {
  INVALID_REQUEST: {
    code: Code.InvalidArgument,
    description:
      'The request breaks rules of the contract; `google.rpc.BadRequest` names every field, what is wrong and which rule says so. Mend the request; repeating it does not help.',
  },
  MALFORMED_REQUEST: {
    code: Code.InvalidArgument,
    description:
      'The request cannot be read: bytes that are not the message, bad JSON, a broken frame, an invalid deadline, or one longer than the server allows. Mend the client.',
  },
  MESSAGE_TOO_LARGE: {
    code: Code.ResourceExhausted,
    description: 'The message is larger than the server reads, also after decompression. Send less at once.',
  },
  UNIMPLEMENTED: {
    code: Code.Unimplemented,
    description:
      'The service or method is unknown here, or the call uses something the server does not speak: a compression, more or fewer messages than the method takes. Look at what reflection lists.',
  },
  SERVICE_UNKNOWN: {
    code: Code.NotFound,
    description:
      'A health check asked for a service that is not served here. Ask for a listed one, or for "".',
  },
  DEADLINE_EXCEEDED: {
    code: Code.DeadlineExceeded,
    description:
      'The call did not end within its time limit; whether it took effect is unknown. Repeat it if the method may be repeated.',
  },
  SHUTTING_DOWN: {
    code: Code.Unavailable,
    description:
      'The server is stopping. Repeat the call: another instance, or this one after its restart, answers.',
  },
  DEPENDENCY_UNAVAILABLE: {
    code: Code.Unavailable,
    description:
      'Something that the answer depends on cannot be reached, or the connection broke. Repeat later.',
  },
  CIRCUIT_OPEN: {
    code: Code.Unavailable,
    description:
      'Recent calls to the dependency failed, so this one was not sent. Repeat later; the circuit tries again by itself.',
  },
  TOO_MANY_CALLS: {
    code: Code.Unavailable,
    description: 'Too many calls to the dependency are under way, so this one was not sent. Repeat later.',
  },
  INTERNAL: {
    code: Code.Internal,
    description:
      'A bug. No text is given; `metadata.error_id` finds the log line with the stack. Report it with that id.',
  },
  REQUEST_ID_REUSED: {
    code: Code.InvalidArgument,
    description: 'The request_id was used before with another body. Use a new one for every new request.',
  },
  PAGE_TOKEN_INVALID: {
    code: Code.InvalidArgument,
    description: 'The page_token did not come from this list. Start again without one.',
  },
  VERSION_MISMATCH: {
    code: Code.Aborted,
    description: 'The resource has changed since it was read. Read it again, apply the change, repeat.',
  },
  CUSTOMER_NOT_FOUND: { code: Code.NotFound, description: 'No customer has this id.' },
  CUSTOMER_ALREADY_EXISTS: {
    code: Code.AlreadyExists,
    description: 'A customer with this id exists. Read it, or update it.',
  },
  PRODUCT_NOT_FOUND: { code: Code.NotFound, description: 'No product has this id or SKU.' },
  ORDER_NOT_FOUND: { code: Code.NotFound, description: 'No order has this id.' },
  ORDER_ALREADY_EXISTS: {
    code: Code.AlreadyExists,
    description:
      'An order with this id exists, with other content or from another caller. Read it, or choose another order_id.',
  },
  ORDER_REFUSED: {
    code: Code.FailedPrecondition,
    description:
      'The order would certainly be rejected, or cannot be had in this quantity now; nothing was stored. `google.rpc.PreconditionFailure` names every reason (see rejection reasons, and OUT_OF_STOCK). Mend the order.',
  },
  ORDER_NOT_CANCELLABLE: {
    code: Code.FailedPrecondition,
    description:
      'The order is paid, completed or rejected; `metadata.state` says which. A completed order can be refunded.',
  },
  ORDER_NEEDS_NO_ATTENTION: {
    code: Code.FailedPrecondition,
    description: 'Nothing is wrong with the order, so there is nothing to try again.',
  },
  STOCK_BELOW_RESERVED: {
    code: Code.FailedPrecondition,
    description:
      'There would be fewer on the shelf than are held for orders; `metadata` has on_hand and reserved. Set it to no less than what is reserved.',
  },
  RESERVATION_NOT_FOUND: {
    code: Code.NotFound,
    description: 'Inventory has not heard of an order with this id.',
  },
  PAYMENT_NOT_FOUND: { code: Code.NotFound, description: 'There is no such payment.' },
  PAYMENT_NOT_REFUNDABLE: {
    code: Code.FailedPrecondition,
    description:
      'Only the charge of a completed order can be given back; `metadata.state` says where the payment is.',
  },
  PAYMENT_NOT_REFUSED: {
    code: Code.FailedPrecondition,
    description:
      'Only what the gateway refuses to void or to give back can be settled by hand, and not while it is being asked again; `metadata` has state and problem.',
  },
  CHARGE_NOT_REFUNDABLE: {
    code: Code.FailedPrecondition,
    description: 'Nothing stands charged under this key at the gateway.',
  },
} as const satisfies Record<string, { code: Code; description: string }>;

/** A reason of the catalogue. */
export type ErrorReason = keyof typeof errorReasons;

/** Further details of an error: a message schema and its value, such as `google.rpc.BadRequest`. */
export type ErrorDetails = NonNullable<ConstructorParameters<typeof ConnectError>[3]>;

/**
 * An error that may leave the process: the code of its reason, `message` for people, and one `google.rpc.ErrorInfo`.
 * Any other error thrown by a handler reaches the caller as INTERNAL, without text. `cause` is logged, never sent.
 */
export function rpcError(
  reason: ErrorReason,
  message: string,
  metadata: Record<string, string> = {},
  details: ErrorDetails = [],
  cause?: unknown,
): ConnectError {
  const info = { desc: ErrorInfoSchema, value: { reason, domain: errorDomain, metadata } };
  return new ConnectError(message, errorReasons[reason].code, undefined, [info, ...details], cause);
}

/** The reason that an error carries, also one this version does not know; `undefined` when orderflow did not give one. */
export function errorReason(error: unknown): string | undefined {
  return errorInfo(error)?.reason;
}

/** Like {@link errorReason}, with the metadata. */
export function errorInfo(error: unknown): { reason: string; metadata: Record<string, string> } | undefined {
  if (!(error instanceof ConnectError)) return undefined;
  return error.findDetails(ErrorInfoSchema).find((info) => info.domain === errorDomain);
}

/** Whether {@link rpcError} made this error in this process, in contrast to one that another server has sent. */
export function isOwnError(error: ConnectError): boolean {
  return error.details.some(
    (detail) => 'desc' in detail && detail.desc.typeName === ErrorInfoSchema.typeName,
  );
}
