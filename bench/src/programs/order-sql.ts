// What CreateOrder does in Postgres, without the API: the same statements on the same pool, 64 orders at once.
// PREFIX COUNT. Prints {orders, seconds}.
import { hash } from 'node:crypto';
import { createLogger } from '@orderflow/runtime';
import { createPostgres } from '@orderflow/storage';
import { migrations } from '../../../services/order/src/migrations/index.ts';
import { OrderHistoryRow, OrderRow } from '../../../services/order/src/outbound/entities.ts';
import { createOrderTransactions } from '../../../services/order/src/outbound/order-transactions.ts';
import { makeOrders, type PlainOrder } from '../orders.ts';

const [prefix = '', count = '0'] = process.argv.slice(2);
const callers = 64;
/** A submission and an answer are about this long. */
const submission = { value: Buffer.alloc(90, 7), contentType: 'application/protobuf' };
const answer = Buffer.alloc(160, 7);

const { orm, component } = createPostgres({
  url: process.env['POSTGRES_URL'] ?? '',
  database: 'bench_order_sql',
  applicationName: 'bench',
  entities: [OrderRow, OrderHistoryRow],
  migrations,
  logger: createLogger({ service: 'bench', level: 'warn' }),
});
await component.start();
const inTransaction = createOrderTransactions(orm, {
  pendingDeadlineMs: 900_000,
  currency: 'USD',
  now: () => new Date(),
});

async function take(orders: readonly PlainOrder[]): Promise<void> {
  const left = [...orders];
  await Promise.all(
    Array.from({ length: callers }, async () => {
      for (let order = left.pop(); order !== undefined; order = left.pop()) {
        const { orderId, customerId } = order;
        const contentHash = hash('sha256', orderId, 'buffer');
        const request = { callerId: 'bench', method: 'CreateOrder', requestId: orderId, contentHash };
        await inTransaction((transaction, answerOnce) =>
          answerOnce(request, async () => {
            await transaction.take({ orderId, customerId, callerId: 'bench', contentHash, submission });
            return answer;
          }),
        );
      }
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
