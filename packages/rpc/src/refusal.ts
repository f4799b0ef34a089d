import type { ConnectError } from '@connectrpc/connect';
import { PreconditionFailureSchema } from '@orderflow/contracts/google/rpc/error_details';
import { type ErrorReason, errorReasons, errorsOf, type ReasonDeclaration } from './errors.ts';

/**
 * What a service's own `Refusal` must provide. Each domain has its own class, because a domain imports nothing else.
 */
export interface Refusal<Reason extends string> extends Error {
  readonly reason: Reason;
  /** Sent to the caller, like the message. */
  readonly metadata: Readonly<Record<string, string>>;
  /** All reasons for which the request is refused, where there can be more than one. */
  readonly violations?: readonly {
    readonly type: string;
    readonly subject: string;
    readonly description: string;
  }[];
}

/** The reasons that a service declares: exactly those of its refusals that the RPC layer does not declare. */
export type ServiceReasons<RefusalReason extends string> = Readonly<
  Record<Exclude<RefusalReason, ErrorReason>, ReasonDeclaration>
>;

/**
 * Returns the function that converts the refusals of a service, which are of this class, to errors, and returns
 * undefined for any other error. Violations are listed in a `google.rpc.PreconditionFailure`, and metadata `violations`
 * is their total number: only as many reach the caller as fit into headers.
 */
export function refusalErrors<Own extends string>(
  refusal: new (...args: never[]) => Refusal<Own | ErrorReason>,
  reasons: Readonly<Record<Own, ReasonDeclaration>>,
): (error: unknown) => ConnectError | undefined {
  const errorOf = errorsOf<Own | ErrorReason>({ ...errorReasons, ...reasons });

  return (error) => {
    if (!(error instanceof refusal)) return undefined;
    const { reason, message, metadata, violations = [], cause } = error;
    if (violations.length === 0) return errorOf(reason, message, metadata, [], cause);
    const details = { desc: PreconditionFailureSchema, value: { violations: [...violations] } };
    return errorOf(reason, message, { ...metadata, violations: String(violations.length) }, [details], cause);
  };
}
