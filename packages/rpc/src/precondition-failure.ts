import type { ConnectError } from '@connectrpc/connect';
import { PreconditionFailureSchema } from '@orderflow/contracts/google/rpc/error_details';
import { fitting } from './details-size.ts';
import { type ErrorReason, rpcError } from './errors.ts';

/**
 * An error that names every violation in a `google.rpc.PreconditionFailure`. Should they be too many for a header,
 * the first ones and, as metadata `violations`, their number.
 */
export function preconditionFailure(
  reason: ErrorReason,
  message: string,
  metadata: Readonly<Record<string, string>>,
  violations: readonly { readonly type: string; readonly subject: string; readonly description: string }[],
): ConnectError {
  return rpcError(reason, message, { ...metadata, violations: String(violations.length) }, [
    { desc: PreconditionFailureSchema, value: { violations: fitting(violations) } },
  ]);
}
