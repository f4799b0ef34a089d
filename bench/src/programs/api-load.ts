// Calls CreateOrder over gRPC, 64 calls at once: BASE_URL PREFIX COUNT. Prints {calls, seconds, p50Ms, p99Ms}.
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { makeOrders, newOrder, type PlainOrder } from '../orders.ts';

const [baseUrl = '', prefix = '', count = '0'] = process.argv.slice(2);
const callers = 64;

const sessionManager = new Http2SessionManager(baseUrl);
const client = createClient(OrderService, createGrpcTransport({ baseUrl, sessionManager }));

/** The latencies in milliseconds. */
async function send(orders: readonly PlainOrder[]): Promise<number[]> {
  const left = [...orders];
  const latencies: number[] = [];
  await Promise.all(
    Array.from({ length: callers }, async () => {
      for (let order = left.pop(); order !== undefined; order = left.pop()) {
        const began = performance.now();
        await client.createOrder(newOrder(order));
        latencies.push(performance.now() - began);
      }
    }),
  );
  return latencies.sort((a, b) => a - b);
}

await send(makeOrders(`${prefix}-warm`, 1_000, 7));
const began = performance.now();
const latencies = await send(makeOrders(prefix, Number(count), prefix.length));
const seconds = (performance.now() - began) / 1000;
const percentile = (share: number) => latencies[Math.floor(latencies.length * share)];
console.log(
  JSON.stringify({ calls: latencies.length, seconds, p50Ms: percentile(0.5), p99Ms: percentile(0.99) }),
);
sessionManager.abort();
