import type { ConnectError } from '@connectrpc/connect';
import { PreconditionFailureSchema } from '@orderflow/contracts/google/rpc/error_details';
import { fitting } from './details-size.ts';
import { type ErrorReason, rpcError } from './errors.ts';

/** What a service's own `Refusal` has to be. A class of each domain: a domain imports nothing but its own. */
export interface Refusal extends Error {
  readonly reason: ErrorReason;
  /** For the caller, as its message is. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Everything for which the request is refused, where that can be more than one thing. */
  readonly violations?: readonly {
    readonly type: string;
    readonly subject: string;
    readonly description: string;
  }[];
}

/**
 * A refusal as the error of the catalogue that has its name. Violations are named in a
 * `google.rpc.PreconditionFailure`; should they be too many for a header, the first ones and, as metadata
 * `violations`, their number.
 */
export function refusalError({ reason, message, metadata, violations = [], cause }: Refusal): ConnectError {
  if (violations.length === 0) return rpcError(reason, message, metadata, [], cause);
  const details = { desc: PreconditionFailureSchema, value: { violations: fitting(violations) } };
  return rpcError(reason, message, { ...metadata, violations: String(violations.length) }, [details], cause);
}
