// Calls GetOrder over gRPC as one customer, at a steady rate: URL KEY CUSTOMER RATE SECONDS. Prints {p99, ok, refused}:
// milliseconds from when a call was due to its response, and how many were refused as RATE_LIMITED.
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { errorReason } from '@orderflow/rpc';
import { signTokens } from '../sign-tokens.ts';

const [baseUrl = '', key = '', customer = '', rate = '1', seconds = '1'] = process.argv.slice(2);
const client = createClient(OrderService, createGrpcTransport({ baseUrl }));
const [token] = await signTokens(key, customer, 1);
const headers = { authorization: `Bearer ${token}` };

let refused = 0;
async function call(due: number): Promise<number> {
  await client.getOrder({ orderId: 'o-1' }, { headers }).catch((error: unknown) => {
    if (errorReason(error) !== 'RATE_LIMITED') throw error;
    refused += 1;
  });
  return performance.now() - due;
}

await call(performance.now());
const began = performance.now();
const calls: Promise<number>[] = [];
for (let number = 0; number < Number(rate) * Number(seconds); number += 1) {
  const due = began + (number * 1000) / Number(rate);
  const wait = due - performance.now();
  if (wait > 0) await sleep(wait);
  calls.push(call(due));
}
const latencies = (await Promise.all(calls)).toSorted((a, b) => a - b);
const p99 = latencies[Math.floor(latencies.length * 0.99)];
console.log(JSON.stringify({ p99, ok: latencies.length - refused, refused }));
process.exit();
