import type { Client } from '@connectrpc/connect';
import type { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { errorReason, rpcError } from '@orderflow/rpc';
import type { Orders } from '../ports.ts';

/** Creates the order API client. Errors other than ORDER_NOT_FOUND become DEPENDENCY_UNAVAILABLE. */
export function createOrders(client: Client<typeof OrderService>): Orders {
  return {
    async exists(orderId) {
      try {
        await client.getOrder({ orderId });
        return true;
      } catch (error) {
        if (errorReason(error) === 'ORDER_NOT_FOUND') return false;
        throw rpcError(
          'DEPENDENCY_UNAVAILABLE',
          `the order service is unavailable, and whether it knows order ${orderId}, which is not completed, is unknown`,
        );
      }
    },
  };
}
