import type { ConnectError } from '@connectrpc/connect';
import { preconditionFailure, rpcError } from '@orderflow/rpc';
import { Refusal } from '../../domain/refusal.ts';

/** A refusal as the error of the catalogue that has its name. */
export function explainRefusal(error: unknown): ConnectError | undefined {
  if (!(error instanceof Refusal)) return undefined;
  const { reason, message, metadata, violations, cause } = error;
  if (violations.length > 0) return preconditionFailure(reason, message, metadata, violations);
  return rpcError(reason, message, { ...metadata }, [], cause);
}
