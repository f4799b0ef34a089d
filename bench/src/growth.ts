import { topics } from '@orderflow/contracts';
import { clientsOf } from '@orderflow/local/clients';
import { createOrders, makeCalls } from './growth/calls.ts';
import { keepDocuments } from './growth/documents.ts';
import { growthFigures, type Size } from './growth/figures.ts';
import { countStatements, leaveUncounted, loadStatementCounts } from './growth/statements.ts';
import { databases, keepTemplates, storedId } from './growth/stored-orders.ts';
import { makeOrders, type PlainOrder } from './orders.ts';
import { report } from './report.ts';
import { type SagaBench, sendBacklog, untilSettled } from './saga-loads.ts';
import { onWholeSystem } from './whole-system.ts';

const rounds = Number(process.env['BENCH_ROUNDS'] ?? 5);
/** The numbers of stored orders. */
const sizes = (process.env['BENCH_STORED'] ?? '1000,100000,1000000').split(',').map(Number);
const templates = 1_000;
/** In each round. */
const backlogOrders = 500;
const warmUpOrders = 1_000;

/**
 * Measures what an order costs while 1,000, 100,000 and 1,000,000 others are stored: CPU, and the pages that each
 * statement of the services reads. The smallest number is measured again at the end, so that a change of the machine's
 * speed affects both alike.
 *
 * The stored orders are copies of orders that the services have processed, made by SQL, in all tables and in MongoDB.
 */
export async function benchGrowth(): Promise<boolean> {
  const title = `the cost of an order while ${sizes.map((size) => size.toLocaleString('en')).join(', ')} are stored`;
  const prepare = ({ stack }: Pick<SagaBench, 'stack'>) => loadStatementCounts(stack);
  return report('growth', growthFigures(await onWholeSystem({ title, prepare }, measure)));
}

async function measure(bench: SagaBench): Promise<Size[]> {
  const { stack, pool, say } = bench;
  await leaveUncounted(pool);
  say('processing the orders that are copied');
  await processTemplates(bench);
  const stored = await keepTemplates(stack, templates);
  const documents = await keepDocuments(stack, templates);
  const statements = countStatements(stack, databases);
  try {
    const measured = sizes.map((count): Size => ({ count, rounds: [] }));
    for (const [visit, size] of [...measured, ...measured.slice(0, 1)].entries()) {
      const { count } = size;
      say(`storing ${count} orders`);
      await Promise.all([stored.store(count), documents.store(count)]);
      await sendBacklog(bench, `warm-${visit}`, makeOrders(`warm-${visit}`, warmUpOrders, visit));
      for (let round = 1; round <= rounds; round += 1) {
        say(`${count} stored: round ${round} of ${rounds}`);
        const prefix = `round-${visit}-${round}`;
        await stored.vacuumOthers();
        let backlog: Awaited<ReturnType<typeof sendBacklog>> | undefined;
        const orders = makeOrders(prefix, backlogOrders, round);
        const ofBacklog = await statements.during(async () => {
          backlog = await sendBacklog(bench, prefix, orders);
        });
        await stored.vacuumOthers();
        const ofCalls = await statements.during(() => makeCalls(bench, `calls-${visit}-${round}`, count));
        if (backlog !== undefined) size.rounds.push({ backlog, ofBacklog, ofCalls });
      }
    }
    return measured;
  } finally {
    await Promise.all([documents.close(), statements.close()]);
  }
}

/**
 * Has the services process the orders that are copied: half of them come by CreateOrder; every twentieth is rejected,
 * because its customer is inactive, and every twentieth cancelled.
 */
async function processTemplates(bench: SagaBench): Promise<void> {
  const all = makeOrders('stored', templates).map((order, index): PlainOrder => {
    const customerId = index % 20 === 0 ? 'c-50' : order.customerId;
    return { ...order, orderId: storedId(index), customerId };
  });
  await bench.broker.send(
    topics.orders,
    all.filter((_, index) => index % 2 === 0),
  );
  const { orders } = clientsOf(bench.system, 'grpc');
  await createOrders(
    orders,
    all.filter((_, index) => index % 2 === 1),
    10,
  );
  await untilSettled(bench, 'stored', templates, ['COMPLETED', 'REJECTED', 'CANCELLED']);
}
