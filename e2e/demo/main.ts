// pnpm demo: a thousand orders through real parts, with one worker killed on the way, and the books checked.
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createStack, repositoryRoot } from '@orderflow/devstack';
import { audit, isSettled } from '../src/audit.ts';
import { readPrices } from '../src/catalogue.ts';
import { makeOrders, type TestOrder } from '../src/orders.ts';
import { openStores, type Stores } from '../src/stores.ts';
import { createSystem, type System, sumOf } from '../src/system.ts';
import { createProgress } from './progress.ts';
import { printSummary } from './summary.ts';

const orderCount = 1_000;
const sentTwiceEvery = 20;
const chunkSize = 25;
/** The worker is killed when it is in the middle of things. */
const decidedBeforeKill = 100;
/** Everything must have come to rest this long after the last order was sent. */
const settleMs = 60_000;

const dir = join(repositoryRoot, '.orderflow/demo');
const shown = (path: string) => relative(process.cwd(), path) || '.';

/** What the workers that have ended had counted. */
const counted = { hits: 0, misses: 0, upstream: 0, repeated: 0 };

async function countWorker(system: System): Promise<void> {
  const metrics = await system.services['order-worker'].metrics();
  counted.hits += sumOf(metrics, 'orderflow_enrichment_cache_total', { result: 'hit' });
  counted.misses += sumOf(metrics, 'orderflow_enrichment_cache_total', { result: 'miss' });
  counted.upstream += sumOf(metrics, 'orderflow_enrichment_upstream_calls_total');
  counted.repeated += sumOf(metrics, 'orderflow_orders_decided_total', { outcome: 'repeated' });
}

/** Sends orders a few at a time, some of them twice, as producers do that were not sure the first time. */
async function send(
  stores: Stores,
  orders: readonly TestOrder[],
  onSent: (count: number) => void,
): Promise<number> {
  let records = 0;
  for (let start = 0; start < orders.length; start += chunkSize) {
    const chunk = orders.slice(start, start + chunkSize);
    // Only what can be read can be told to be the same again.
    const again = chunk.filter(
      ({ expected }, index) => (start + index) % sentTwiceEvery === 0 && expected.outcome !== 'DEAD_LETTER',
    );
    await stores.send([...chunk, ...again].map(({ record }) => record));
    records += chunk.length + again.length;
    onSent(start + chunk.length);
  }
  return records;
}

async function decidedCount(stores: Stores): Promise<number> {
  const [row] = await stores.query<{ count: number }>('select count(*)::int as count from orders');
  return row?.count ?? 0;
}

async function demo(signal: AbortSignal): Promise<boolean> {
  const progress = createProgress();
  console.log('\norderflow demo: from Kafka records to enriched orders, on real parts\n');

  progress.step('start Kafka, MongoDB, Redis, Postgres');
  const stack = await createStack({ dir, ports: 'free', onProgress: (line) => progress.update(line) });
  let system: System | undefined;
  try {
    await stack.reset();
    await stack.up();
    signal.throwIfAborted();

    progress.step('start the enrichment API and the order service');
    // A name of its own keeps this run apart from others where the stores are given from outside.
    const name = `demo_${Date.now().toString(36)}_`;
    const isShared = Object.values(stack.parts).some(({ external }) => external);
    const prefixes: Record<string, string> = isShared ? { TOPIC_PREFIX: name, DATABASE_PREFIX: name } : {};
    system = await createSystem({
      urls: stack.urls,
      ports: 'free',
      logDir: join(dir, 'logs'),
      // Small slices, so that the kill finds one under way.
      env: { ...prefixes, SLICE_SIZE: '50' },
    });
    await system.start();
    await using stores = await openStores({ ...stack.urls, ...prefixes });
    const worker = system.services['order-worker'];
    const prices = await readPrices(system.services['enrichment-stub'].url);
    const orders = makeOrders({ prefix: 'demo', count: orderCount, prices });
    signal.throwIfAborted();

    progress.step(`send ${orderCount} orders, killing the worker half-way`);
    const began = performance.now();
    const half = orders.length / 2;
    let records = await send(stores, orders.slice(0, half), (count) => progress.update(`${count} sent`));
    while ((await decidedCount(stores)) < decidedBeforeKill) await sleep(5, undefined, { signal });
    await countWorker(system);
    await worker.kill();
    const decidedAtKill = await decidedCount(stores);
    const restarted = worker.start();
    records += await send(stores, orders.slice(half), (count) => progress.update(`${half + count} sent`));
    await restarted;

    progress.step('wait until every order is decided, shown and told');
    const deadline = Date.now() + settleMs;
    while (!(await isSettled(stores, orders))) {
      progress.update(`${await decidedCount(stores)} decided`);
      if (Date.now() > deadline) break;
      await sleep(50, undefined, { signal });
    }
    const seconds = (performance.now() - began) / 1000;
    await countWorker(system);

    progress.step('check the books');
    const result = await audit(stores, orders);
    progress.done();
    printSummary({ orders: orders.length, records, decidedAtKill, seconds, counted, audit: result });
    return result.findings.every(({ violations }) => violations.length === 0);
  } finally {
    progress.step('stop everything');
    await system?.stop();
    await stack.down();
    progress.done();
    console.log(`\n  Logs and data of this run: ${shown(dir)}\n`);
  }
}

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => interrupted.abort(new Error(`stopped by ${signal}`)));
}
try {
  process.exitCode = (await demo(interrupted.signal)) ? 0 : 1;
} catch (error) {
  console.error(`\n${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
