import { Code, ConnectError } from '@connectrpc/connect';
import { ErrorInfoSchema } from '@orderflow/contracts/google/rpc/error_details';
import { cutToBytes, echoed } from './short-text.ts';

/** Enough for a readable message; in headers it may be three times as long, and is there twice. */
const MESSAGE_MAX_BYTES = 512;

/** The `domain` of every `google.rpc.ErrorInfo` that orderflow sends. */
export const errorDomain = 'orderflow';

/** The declaration of a reason. */
export interface ReasonDeclaration {
  /** The code of every error with this reason. */
  readonly code: Code;
  /** The HTTP status of a REST response with this reason. */
  readonly status: number;
  /**
   * Of a reason with a `google.rpc.PreconditionFailure`: in a REST response whose violations are all of one type, the
   * member `error` is that type in lower case, or what it is called here. Absent: `error` is the reason.
   */
  readonly errorByViolation?: Readonly<Record<string, string>>;
  /** What the reason means and what the caller can do. docs/errors.md is tested against it. */
  readonly description: string;
}

/** The reasons of errors that the RPC layer itself produces. Services declare their own, see `ServiceReasons`. */
export const errorReasons = {
  INVALID_REQUEST: {
    code: Code.InvalidArgument,
    status: 400,
    description:
      'The request breaks rules of the contract; `google.rpc.BadRequest` names every field, the violation and the rule. Correct the request; repeating it does not help.',
  },
  MALFORMED_REQUEST: {
    code: Code.InvalidArgument,
    status: 400,
    description:
      'The request cannot be read: bytes that are not the message, invalid JSON, a broken frame, an invalid deadline, or one longer than the server allows. Fix the client.',
  },
  MESSAGE_TOO_LARGE: {
    code: Code.ResourceExhausted,
    status: 413,
    description:
      'The message is larger than the server accepts, also after decompression, or contains an order that is larger than its topic accepts. Send less at once.',
  },
  OVERLOADED: {
    code: Code.ResourceExhausted,
    status: 503,
    description:
      'The server has no memory, or no time, for more requests, or has as many health watches and reflection streams open as it allows; nothing was done. `metadata.cause` says which: memory, calls, event_loop, streams, decompression. Repeat after the `retry_delay` of the `google.rpc.RetryInfo`.',
  },
  UNAUTHENTICATED: {
    code: Code.Unauthenticated,
    status: 401,
    description:
      'The method needs a token in the header `authorization`, and there is none, or it is not accepted; the text says why. Get another token, and repeat.',
  },
  PERMISSION_DENIED: {
    code: Code.PermissionDenied,
    status: 403,
    description:
      'The token is good, but its roles do not allow the method, or the customer in the request is another. docs/security.md says who may call what.',
  },
  RATE_LIMITED: {
    code: Code.ResourceExhausted,
    status: 429,
    description:
      'The caller, or the customer that it is, makes more calls than it may; heavy methods count as several. Nothing was done. `metadata.limit` is how many a second are allowed. Repeat after the `retry_delay` of the `google.rpc.RetryInfo`.',
  },
  UNIMPLEMENTED: {
    code: Code.Unimplemented,
    status: 501,
    description:
      'The service or method does not exist, or the call uses something the server does not support: a compression, more or fewer messages than the method accepts. See what reflection lists.',
  },
  SERVICE_UNKNOWN: {
    code: Code.NotFound,
    status: 404,
    description: 'A health check asked for a service that does not exist here. Use a listed one, or "".',
  },
  DEADLINE_EXCEEDED: {
    code: Code.DeadlineExceeded,
    status: 504,
    description:
      'The call did not end within its time limit; whether it took effect is unknown. Repeat it if the method may be repeated.',
  },
  SHUTTING_DOWN: {
    code: Code.Unavailable,
    status: 503,
    description:
      'The server is stopping. Repeat the call: another instance, or this one after its restart, will handle it.',
  },
  DEPENDENCY_UNAVAILABLE: {
    code: Code.Unavailable,
    status: 503,
    description: 'A dependency of the call is unavailable, or the connection broke. Repeat later.',
  },
  CIRCUIT_OPEN: {
    code: Code.Unavailable,
    status: 503,
    description:
      'Recent calls to the dependency failed, so this one was not sent. Repeat later; the circuit tries again by itself.',
  },
  TOO_MANY_CALLS: {
    code: Code.Unavailable,
    status: 503,
    description: 'Too many calls to the dependency are in flight, so this one was not sent. Repeat later.',
  },
  INTERNAL: {
    code: Code.Internal,
    status: 500,
    description:
      'A bug, or a statement that the database ended because it took longer than 30 s. No text is given; `metadata.error_id` identifies the log line with the stack. Report it with that id.',
  },
  REQUEST_ID_REUSED: {
    code: Code.InvalidArgument,
    status: 422,
    description: 'The request_id was used before with another body. Use a new one for every new request.',
  },
  PAGE_TOKEN_INVALID: {
    code: Code.InvalidArgument,
    status: 400,
    description: 'The page_token did not come from this list. Start again without one.',
  },
  ROUTE_NOT_FOUND: {
    code: Code.Unimplemented,
    status: 404,
    description:
      'REST only: nothing is served at this path. Correct it; the response to a GET lists what is served.',
  },
  METHOD_NOT_ALLOWED: {
    code: Code.Unimplemented,
    status: 405,
    description: 'REST only: this path has other HTTP methods. Use one that the header `Allow` names.',
  },
  UNSUPPORTED_MEDIA_TYPE: {
    code: Code.InvalidArgument,
    status: 415,
    description:
      'REST only: the body is not JSON in UTF-8, or is compressed in another way than gzip or brotli. Send it as `application/json`.',
  },
} as const satisfies Record<string, ReasonDeclaration>;

/** A reason that the RPC layer declares. */
export type ErrorReason = keyof typeof errorReasons;

/** Further details of an error: a message schema and its value, such as `google.rpc.BadRequest`. */
export type ErrorDetails = NonNullable<ConstructorParameters<typeof ConnectError>[3]>;

/**
 * Creates an error that may leave the process: the code of its reason, `message` for people, and one
 * `google.rpc.ErrorInfo`. Values of the metadata are cut to 64 bytes, there and where the message contains them:
 * callers choose them. The server ensures that the whole error fits into headers. Any other error thrown by a handler
 * reaches the caller as INTERNAL, without text. `cause` is logged, never sent.
 */
export type CreateError<Reason extends string> = (
  reason: Reason,
  message: string,
  metadata?: Record<string, string>,
  details?: ErrorDetails,
  cause?: unknown,
) => ConnectError;

/** Returns the function that creates errors with these reasons. */
export function errorsOf<Reason extends string>(
  reasons: Readonly<Record<Reason, ReasonDeclaration>>,
): CreateError<Reason> {
  return (reason, message, metadata = {}, details = [], cause) => {
    let text = message;
    const short: Record<string, string> = {};
    for (const [name, value] of Object.entries(metadata)) {
      const cut = echoed(value);
      short[name] = cut;
      if (cut !== value) text = text.replaceAll(value, cut);
    }
    const info = { desc: ErrorInfoSchema, value: { reason, domain: errorDomain, metadata: short } };
    const shortText = cutToBytes(text, MESSAGE_MAX_BYTES);
    return new ConnectError(shortText, reasons[reason].code, undefined, [info, ...details], cause);
  };
}

/** Creates an error with a reason of the RPC layer, see {@link CreateError}. */
export const rpcError: CreateError<ErrorReason> = errorsOf(errorReasons);

/**
 * The reason of an error, also one that this version does not know; `undefined` when orderflow did not create the
 * error.
 */
export function errorReason(error: unknown): string | undefined {
  return errorInfo(error)?.reason;
}

/** Like {@link errorReason}, with the metadata. */
export function errorInfo(error: unknown): { reason: string; metadata: Record<string, string> } | undefined {
  if (!(error instanceof ConnectError)) return undefined;
  return error.findDetails(ErrorInfoSchema).find((info) => info.domain === errorDomain);
}

/** Whether {@link errorsOf} created this error in this process, as opposed to one received from another server. */
export function isOwnError(error: ConnectError): boolean {
  return error.details.some(
    (detail) => 'desc' in detail && detail.desc.typeName === ErrorInfoSchema.typeName,
  );
}
