import type { DescService } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import { rpcError } from '@orderflow/rpc';
import { Refusal } from '../../domain/refusal.ts';
import { StoreUnavailable } from '../../ports.ts';
import { wrapHandlers } from './wrap-handlers.ts';

/** The implementation, with the errors that a caller is meant to see as errors of the catalogue. */
export function explainRefusals<Service extends DescService>(
  service: Service,
  implementation: ServiceImpl<Service>,
): ServiceImpl<Service> {
  return wrapHandlers(service, implementation, (_method, handler) => async (request, context) => {
    try {
      return await handler(request, context);
    } catch (error) {
      if (error instanceof Refusal) throw rpcError(error.reason, error.message, error.metadata);
      if (error instanceof StoreUnavailable) {
        throw rpcError('DEPENDENCY_UNAVAILABLE', `${error.message}: repeat later`, {}, [], error);
      }
      throw error;
    }
  });
}
