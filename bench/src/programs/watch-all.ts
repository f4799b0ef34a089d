// Watches all orders: BASE_URL PREFIX COUNT, until COUNT orders whose ids begin so have ended. Prints what it has received
// of them as JSON, beginning with a line when the watch has begun: [{orderId, version, at}, …, null].
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { Order_State } from '@orderflow/contracts/orderflow/order/v1/order';
import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import type { Received } from '../watch.ts';

const [baseUrl = '', prefix = '', count = '0'] = process.argv.slice(2);
const ends: readonly Order_State[] = [Order_State.REJECTED, Order_State.CANCELLED, Order_State.COMPLETED];
const sessionManager = new Http2SessionManager(baseUrl);
const orders = createClient(OrderService, createGrpcTransport({ baseUrl, sessionManager }));
const received: Received[] = [];
const ended = new Set<string>();
let hasBegun = false;

for await (const { order } of orders.watchOrders({})) {
  if (!hasBegun) console.log('[');
  hasBegun = true;
  if (order === undefined || !order.orderId.startsWith(prefix)) continue;
  received.push({ orderId: order.orderId, version: Number(order.version), at: Date.now() });
  if (ends.includes(order.state)) ended.add(order.orderId);
  if (ended.size === Number(count)) break;
}
for (const each of received) console.log(`${JSON.stringify(each)},`);
console.log('null]');
sessionManager.abort();
