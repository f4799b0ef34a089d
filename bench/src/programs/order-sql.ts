// The SQL of CreateOrder without the API: the same statements on the same pool, 64 orders at once.
// PREFIX COUNT. Prints {orders, seconds}.
import { hash } from 'node:crypto';
import { coalesce, createLogger } from '@orderflow/runtime';
import { createPostgres } from '@orderflow/storage';
import { migrations } from '../../../services/order/src/migrations/index.ts';
import { OrderHistoryRow, OrderRow } from '../../../services/order/src/outbound/postgres/entities.ts';
import { createOrderIntake } from '../../../services/order/src/outbound/postgres/order-intake.ts';
import type { NewOrder } from '../../../services/order/src/ports.ts';
import { makeOrders, type PlainOrder } from '../orders.ts';

const [prefix = '', count = '0'] = process.argv.slice(2);
const callers = 64;
/** The typical size of a submission and of a response. */
const submission = { value: Buffer.alloc(90, 7), contentType: 'application/protobuf' };
const response = Buffer.alloc(160, 7);

const { database, component } = createPostgres({
  url: process.env['POSTGRES_URL'] ?? '',
  database: 'bench_order_sql',
  applicationName: 'bench',
  entities: [OrderRow, OrderHistoryRow],
  migrations,
  logger: createLogger({ service: 'bench', level: 'warn' }),
});
await component.start();
const inIntake = createOrderIntake(database, { pendingDeadlineMs: 900_000, now: () => new Date() });
const place = coalesce(
  (orders: readonly PlainOrder[]) =>
    inIntake((transaction, runEachIdempotent) =>
      runEachIdempotent(
        orders.map(({ orderId }) => ({
          callerId: 'bench',
          method: 'CreateOrder',
          requestId: orderId,
          contentHash: hash('sha256', orderId, 'buffer'),
        })),
        async (indexes) => {
          await transaction.take(orders.map(toNewOrder));
          return new Map(indexes.map((index) => [index, response]));
        },
      ),
    ),
  { maxItems: 100, maxWaitMs: 10 },
);

function toNewOrder({ orderId, customerId }: PlainOrder): NewOrder {
  const contentHash = hash('sha256', orderId, 'buffer');
  return { orderId, customerId, callerId: 'bench', contentHash, submission, traceparent: undefined };
}

async function take(orders: readonly PlainOrder[]): Promise<void> {
  const left = [...orders];
  await Promise.all(
    Array.from({ length: callers }, async () => {
      for (let order = left.pop(); order !== undefined; order = left.pop()) await place(order);
    }),
  );
}

await take(makeOrders(`${prefix}-warm`, 1_000, 7));
const orders = makeOrders(prefix, Number(count), prefix.length);
const cpu = process.cpuUsage();
const began = performance.now();
await take(orders);
const { user, system } = process.cpuUsage(cpu);
console.log(
  JSON.stringify({
    orders: orders.length,
    seconds: (performance.now() - began) / 1000,
    cpuSeconds: (user + system) / 1e6,
  }),
);
await component.stop();
