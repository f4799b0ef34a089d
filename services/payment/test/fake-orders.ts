import { Code } from '@connectrpc/connect';
import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { createRpcServer, errorsOf, rpcError } from '@orderflow/rpc';
import { createHealth, createLogger, createMetrics } from '@orderflow/runtime';

const orderError = errorsOf({ ORDER_NOT_FOUND: { code: Code.NotFound, status: 404, description: '' } });

/** An order API that knows every order but those in `unknown`, and does not respond while it is `down`. */
export async function fakeOrders() {
  const unknown = new Set<string>();
  const state = { down: false };
  const server = createRpcServer({
    service: 'fake',
    host: '127.0.0.1',
    port: 0,
    services: [OrderService],
    routes(router) {
      router.service(OrderService, {
        async getOrder({ orderId }) {
          if (state.down) throw rpcError('SHUTTING_DOWN', 'down');
          if (unknown.has(orderId)) throw orderError('ORDER_NOT_FOUND', 'no such order');
          return { order: { orderId } };
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
  return { unknown, state, url: `http://127.0.0.1:${server.port}`, stop: server.stop };
}
