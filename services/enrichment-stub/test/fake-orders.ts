import { Code } from '@connectrpc/connect';
import { toMoney } from '@orderflow/contracts';
import { Order_State } from '@orderflow/contracts/orderflow/order/v1/order';
import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { createRpcServer, errorsOf } from '@orderflow/rpc';
import { createHealth, createMetrics } from '@orderflow/runtime';
import { quietLogger } from './running-stub.ts';

/** An order as the fake API lists it. */
export interface ListedOrder {
  readonly orderId: string;
  readonly customerId: string;
  readonly state: keyof typeof Order_State;
  /** Whether it was ever accepted, so that it has a total. */
  readonly accepted: boolean;
}

const tokenError = errorsOf({
  PAGE_TOKEN_INVALID: { code: Code.InvalidArgument, status: 400, description: '' },
});

/**
 * An order API that lists these orders, 50 at most a page. `tokens`: which page tokens were asked for. Tokens end in
 * `suffix`, and no others are valid.
 */
export async function fakeOrders(orders: readonly ListedOrder[]) {
  const tokens: string[] = [];
  const state = { suffix: 'a' };
  const server = createRpcServer({
    service: 'fake',
    host: '127.0.0.1',
    port: 0,
    services: [OrderService],
    routes(router) {
      router.service(OrderService, {
        listOrders({ pageToken, pageSize }) {
          tokens.push(pageToken);
          if (pageToken !== '' && !pageToken.endsWith(state.suffix)) {
            throw tokenError('PAGE_TOKEN_INVALID', 'not one of mine');
          }
          const from = Number.parseInt(pageToken || '0', 10);
          const to = from + Math.min(pageSize, 50);
          return {
            orders: orders.slice(from, to).map(({ orderId, customerId, state: name, accepted }) => ({
              ...{ orderId, customerId, state: Order_State[name] },
              ...(accepted && { total: toMoney(0n, 'USD') }),
            })),
            nextPageToken: to < orders.length ? `${to}${state.suffix}` : '',
          };
        },
      });
    },
    health: createHealth([]),
    prometheus: createMetrics({ service: 'fake' }).prometheus,
    logger: quietLogger,
    drainMs: 0,
    graceMs: 1_000,
  });
  await server.start();
  return {
    tokens,
    state,
    port: server.port,
    url: `http://127.0.0.1:${server.port}`,
    [Symbol.asyncDispose]: () => server.stop(),
  };
}
