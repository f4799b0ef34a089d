// Calls CreateOrder over gRPC at a steady rate: BASE_URL PREFIX COUNT RATE. The orders are PREFIX-0, PREFIX-1 …
// Prints {lateP99Ms}: how late it was with the calls.
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { makeOrders, newOrder } from '../orders.ts';
import { percentile } from '../report.ts';
import { atSteadyRate } from '../steady-rate.ts';

const [baseUrl = '', prefix = '', count = '0', rate = '0'] = process.argv.slice(2);

const sessionManager = new Http2SessionManager(baseUrl);
const client = createClient(OrderService, createGrpcTransport({ baseUrl, sessionManager }));
const requests = makeOrders(prefix, Number(count), prefix.length).map((order) => ({
  ...newOrder(order),
  orderId: order.orderId,
}));
await sessionManager.connect();
const late = await atSteadyRate(Number(rate), requests.length, async (index) => {
  await client.createOrder(requests[index] ?? {});
});
console.log(JSON.stringify({ lateP99Ms: percentile(late, 0.99) }));
sessionManager.abort();
