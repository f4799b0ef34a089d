import type { Client } from '@connectrpc/connect';
import type { Money } from '@orderflow/contracts/google/type/money';
import type { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { errorReason } from '@orderflow/rpc';
import type { Amount } from '../domain/mail.ts';
import type { Orders } from '../ports.ts';

/** Creates the order API client. Errors other than ORDER_NOT_FOUND are thrown. */
export function createOrders(client: Client<typeof OrderService>): Orders {
  return {
    async find(orderId, customerId) {
      try {
        const { order } = await client.getOrder({ orderId });
        if (order?.orderId !== orderId)
          throw new Error('the response of the order API is not about the order');
        // What a customer has ordered is for no other, whatever an event says.
        if (order.customerId !== customerId) return undefined;
        return {
          lines: order.lines.map(({ productName, quantity, unitPrice, amount }) => ({
            productName,
            quantity,
            unitPrice: amountOf(unitPrice),
            amount: amountOf(amount),
          })),
          subtotal: amountOf(order.subtotal),
          tax: amountOf(order.tax),
        };
      } catch (error) {
        if (errorReason(error) === 'ORDER_NOT_FOUND') return undefined;
        throw error;
      }
    },
  };
}

function amountOf(money: Money | undefined): Amount {
  if (money === undefined) throw new Error('the order has a line or a sum without an amount');
  const { currencyCode: currency, units, nanos } = money;
  return { currency, units, nanos };
}
