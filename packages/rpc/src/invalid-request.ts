import type { ConnectError } from '@connectrpc/connect';
import { BadRequestSchema } from '@orderflow/contracts/google/rpc/error_details';
import { rpcError } from './errors.ts';

/** A violation of one field of a request. */
export interface FieldViolation {
  /** Path in the request, such as `customer.name`; empty for the whole message. */
  readonly field: string;
  readonly description: string;
  /** The violated rule, for programs: `string.max_len`. */
  readonly reason: string;
}

/**
 * Creates INVALID_REQUEST with the violations as `google.rpc.BadRequest`, for rules that the contract cannot express.
 * `count`: their total number, when these are only the first. Only as many reach the caller as fit into headers.
 */
export function invalidRequest(
  violations: readonly FieldViolation[],
  count = violations.length,
): ConnectError {
  const [first] = violations;
  const more = count > 1 ? ` (and ${count - 1} more)` : '';
  return rpcError(
    'INVALID_REQUEST',
    `${first?.field ? `${first.field}: ` : ''}${first?.description}${more}`,
    { violations: String(count) },
    [{ desc: BadRequestSchema, value: { fieldViolations: [...violations] } }],
  );
}

/**
 * Returns the text unchanged.
 * @throws INVALID_REQUEST when it has a NUL character: the contract allows it, Postgres cannot store it.
 */
export function storableText(field: string, text: string): string {
  if (!text.includes('\0')) return text;
  throw invalidRequest([
    { field, description: 'has a NUL character: leave it out', reason: 'string.storable' },
  ]);
}
