// An order API without a backend: CreateOrder returns the same order to every caller. Prints its port.
import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { toMoney } from '@orderflow/contracts';
import { Order_State } from '@orderflow/contracts/orderflow/order/v1/order';
import {
  CreateOrderResponseSchema,
  OrderService,
} from '@orderflow/contracts/orderflow/order/v1/order_service';
import { createRpcServer } from '@orderflow/rpc';
import { createHealth, createLogger, createMetrics } from '@orderflow/runtime';

const metrics = createMetrics({ service: 'empty-api' });
const time = timestampFromDate(new Date());
const line = (productId: string) => ({
  reference: { case: 'productId' as const, value: productId },
  quantity: 1n,
  quotedPrice: toMoney(999n, 'USD'),
});
const response = create(CreateOrderResponseSchema, {
  order: {
    orderId: '019a0000-0000-7000-8000-000000000000',
    customerId: 'c-1',
    state: Order_State.PENDING,
    lines: [line('p-1'), line('p-2')],
    createTime: time,
    updateTime: time,
  },
});
const server = createRpcServer({
  service: 'empty-api',
  host: '127.0.0.1',
  port: 0,
  routes: (router) => router.service(OrderService, { createOrder: () => response }),
  services: [OrderService],
  health: createHealth([]),
  prometheus: metrics.prometheus,
  logger: createLogger({ service: 'empty-api', level: 'warn' }),
  meter: metrics.meter,
  drainMs: 0,
  graceMs: 1_000,
});
await server.start();
console.log(`port ${server.port}`);
