// Calls CreateOrder over gRPC: BASE_URL PREFIX COUNT RATE, at a steady rate, however it goes; or BASE_URL PREFIX COUNT
// in-turn, 48 calls at once, of which one that is OVERLOADED is repeated. The orders are PREFIX-0, PREFIX-1 …
// Prints {outcomes, accepted, lateP99Ms, p50Ms, p99Ms, refusedP99Ms}: how many calls ended how, the ids that were accepted,
// how late it was with the calls, and how long the accepted and the OVERLOADED ones took.
import { setTimeout as sleep } from 'node:timers/promises';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { errorReason } from '@orderflow/rpc';
import { makeOrders, newOrder } from '../orders.ts';
import { percentile } from '../report.ts';
import { atSteadyRate } from '../steady-rate.ts';

const [baseUrl = '', prefix = '', count = '0', rate = '0'] = process.argv.slice(2);
/** As long as a caller is likely to wait. */
const timeoutMs = 10_000;

/** A connection carries 256 calls at a time: with one, calls would wait in this process instead of in the server. */
const connections = 8;

const sessions = Array.from({ length: connections }, () => new Http2SessionManager(baseUrl));
const clients = sessions.map((sessionManager) =>
  createClient(OrderService, createGrpcTransport({ baseUrl, sessionManager })),
);
const requests = makeOrders(prefix, Number(count), prefix.length).map((order) => ({
  ...newOrder(order),
  orderId: order.orderId,
}));
const outcomes: Record<string, number> = {};
const accepted: string[] = [];
const latencies: number[] = [];
const refusedAfter: number[] = [];

/** Returns how the call ended. */
async function create(index: number): Promise<string> {
  const request = requests[index];
  const client = clients[index % connections];
  if (request === undefined || client === undefined) throw new RangeError(`there is no order ${index}`);
  const began = performance.now();
  let outcome = 'OK';
  try {
    await client.createOrder(request, { timeoutMs });
    accepted.push(request.orderId);
    latencies.push(performance.now() - began);
  } catch (error) {
    outcome = errorReason(error) ?? `${Code[ConnectError.from(error).code]} without a reason`;
    if (outcome === 'OVERLOADED') refusedAfter.push(performance.now() - began);
  }
  outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  return outcome;
}

await Promise.all(sessions.map((session) => session.connect()));

/** Fewer than a server carries out at once, however long they take. */
const callers = 48;

async function createInTurn(): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (next < requests.length) {
        const index = next++;
        while ((await create(index)) === 'OVERLOADED') await sleep(1_000);
      }
    }),
  );
}

const late =
  rate === 'in-turn'
    ? await createInTurn().then(() => [0])
    : await atSteadyRate(Number(rate), requests.length, async (index) => void (await create(index)));
console.log(
  JSON.stringify({
    outcomes,
    accepted,
    lateP99Ms: percentile(late, 0.99),
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    refusedP99Ms: percentile(refusedAfter, 0.99),
  }),
);
for (const session of sessions) session.abort();
