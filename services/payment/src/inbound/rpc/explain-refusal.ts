import type { ConnectError } from '@connectrpc/connect';
import { rpcError } from '@orderflow/rpc';
import { Refusal } from '../../domain/refusal.ts';

/** A refusal as the error of the catalogue that has its name. */
export function explainRefusal(error: unknown): ConnectError | undefined {
  return error instanceof Refusal ? rpcError(error.reason, error.message, error.metadata) : undefined;
}
