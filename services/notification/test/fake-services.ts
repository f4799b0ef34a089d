import { Code } from '@connectrpc/connect';
import { toMoney } from '@orderflow/contracts';
import { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { createRpcServer, errorsOf, rpcError } from '@orderflow/rpc';
import { createHealth, createLogger, createMetrics } from '@orderflow/runtime';

const orderError = errorsOf({ ORDER_NOT_FOUND: { code: Code.NotFound, status: 404, description: '' } });

/**
 * A customer service that knows the customers in `customers`, and an order API that knows every order but those in
 * `unknownOrders`: two laptops each, for customer c-1. They do not respond while they are `down`.
 */
export async function fakeServices() {
  const state = {
    down: { customers: false, orders: false },
    customers: new Map<string, { name: string; email: string }>(),
    unknownOrders: new Set<string>(),
    /** The customers of each call. */
    calls: [] as (readonly string[])[],
    /** Leaves customers out of responses. */
    isLying: false,
  };
  const usd = (cents: bigint) => toMoney(cents, 'USD');
  const server = createRpcServer({
    service: 'fake',
    host: '127.0.0.1',
    port: 0,
    services: [CustomerService, OrderService],
    routes(router) {
      router.service(CustomerService, {
        async batchGetCustomers({ customerIds }) {
          if (state.down.customers) throw rpcError('SHUTTING_DOWN', 'down');
          state.calls.push(customerIds);
          if (state.isLying) return {};
          const found = customerIds.flatMap((customerId) => {
            const customer = state.customers.get(customerId);
            return customer ? [{ customerId, ...customer, active: true, version: 1n }] : [];
          });
          return {
            customers: found,
            notFoundCustomerIds: customerIds.filter((customerId) => !state.customers.has(customerId)),
          };
        },
      });
      router.service(OrderService, {
        async getOrder({ orderId }) {
          if (state.down.orders) throw rpcError('SHUTTING_DOWN', 'down');
          if (state.unknownOrders.has(orderId)) throw orderError('ORDER_NOT_FOUND', 'no such order');
          const line = {
            reference: { case: 'productId', value: 'p-1' },
            quantity: 2n,
            productName: 'Laptop',
            unitPrice: usd(1299_99n),
            amount: usd(2599_98n),
          } as const;
          const sums = { subtotal: usd(2599_98n), tax: usd(208_00n), total: usd(2807_98n) };
          return { order: { orderId, customerId: 'c-1', lines: [line], ...sums } };
        },
      });
    },
    health: createHealth([]),
    prometheus: createMetrics({ service: 'fake' }).prometheus,
    logger: createLogger({ service: 'fake', level: 'silent' }),
    drainMs: 0,
    graceMs: 1_000,
  });
  await server.start();
  return { state, url: `http://127.0.0.1:${server.port}`, stop: server.stop };
}
