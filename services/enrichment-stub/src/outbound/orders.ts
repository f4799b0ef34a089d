import type { Client } from '@connectrpc/connect';
import type { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { errorReason } from '@orderflow/rpc';
import type { Orders } from '../ports.ts';

const pageSize = 500;

/**
 * Creates the order API client. An order was accepted if it has a total: the contract sets it from the acceptance on, and
 * nothing removes it. The state does not say so of a cancelled order: it may have been cancelled before its decision.
 */
export function createOrders(client: Client<typeof OrderService>): Orders {
  return {
    async page(pageToken, signal) {
      try {
        const { orders, nextPageToken } = await client.listOrders({ pageSize, pageToken }, { signal });
        const accepted = orders.filter(({ total }) => total !== undefined);
        return {
          accepted: accepted.map(({ orderId, customerId }) => ({ orderId, customerId })),
          nextPageToken,
        };
      } catch (error) {
        if (pageToken !== '' && errorReason(error) === 'PAGE_TOKEN_INVALID') return undefined;
        throw error;
      }
    },
  };
}
