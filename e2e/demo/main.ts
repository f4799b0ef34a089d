// pnpm demo: whole orders on real parts, every service killed once, and the books checked in the end.
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createStack, repositoryRoot } from '@orderflow/devstack';
import { audit } from '../src/audit.ts';
import { readPrices } from '../src/catalogue.ts';
import { clientsOf, ordersCommand } from '../src/clients.ts';
import { makeOrders, type TestOrder } from '../src/orders.ts';
import { openStores } from '../src/stores.ts';
import { createSystem, type System } from '../src/system.ts';
import { readOutcome } from './outcome.ts';
import { createProgress, type Progress } from './progress.ts';
import { type Sent, sendByApi, sendByKafka } from './senders.ts';
import { printSummary } from './summary.ts';

const orderCount = 1_000;

const dir = join(repositoryRoot, '.orderflow/demo');
const shown = (path: string) => relative(process.cwd(), path) || '.';

/** Kills one service after the other while orders are under way; each is started again at once. */
async function killEach({ services }: System, signal: AbortSignal): Promise<string[]> {
  const killed: string[] = [];
  for (const service of Object.values(services)) {
    signal.throwIfAborted();
    await service.kill();
    await service.start();
    killed.push(service.name);
  }
  return killed;
}

/** Sends all orders both ways, kills meanwhile, and waits for the last of them to be sent. */
async function sendAndKill(
  system: System,
  stores: Awaited<ReturnType<typeof openStores>>,
  orders: readonly TestOrder[],
  progress: Progress,
  signal: AbortSignal,
): Promise<{ sent: Sent; killed: string[] }> {
  // Every other one over the API, which takes nothing that is certainly wrong: what is bad goes to Kafka.
  const byApi = orders.filter(({ expected }, index) => expected.outcome === 'ACCEPTED' && index % 2 === 0);
  const overApi = new Set(byApi);
  const byKafka = orders.filter((order) => !overApi.has(order));
  let count = 0;
  const onSent = (some: number) => {
    count += some;
    progress.update(`${count} of ${orders.length} sent`);
  };
  const [api, kafka, killed] = await Promise.all([
    sendByApi(clientsOf(system), byApi, onSent, signal),
    sendByKafka(stores, byKafka, onSent, signal),
    killEach(system, signal),
  ]);
  return { sent: { ...api, ...kafka }, killed };
}

async function demo(signal: AbortSignal): Promise<boolean> {
  const progress = createProgress();
  console.log('\norderflow demo: orders from two sides, through stock and payment, on real parts\n');

  progress.step('start Kafka, MongoDB, Redis, Postgres');
  const stack = await createStack({ dir, ports: 'free', onProgress: (line) => progress.update(line) });
  let system: System | undefined;
  try {
    await stack.reset();
    await stack.up();
    signal.throwIfAborted();

    progress.step('start the services');
    // A name of its own keeps this run apart from others where the stores are given from outside.
    const name = `demo_${Date.now().toString(36)}_`;
    const isShared = Object.values(stack.parts).some(({ external }) => external);
    const prefixes: Record<string, string> = isShared ? { TOPIC_PREFIX: name, DATABASE_PREFIX: name } : {};
    system = await createSystem({
      urls: stack.urls,
      ports: 'free',
      logDir: join(dir, 'logs'),
      // Small slices, so that a kill finds one under way.
      env: { ...prefixes, SLICE_SIZE: '50' },
    });
    await system.start();
    await using stores = await openStores({ ...stack.urls, ...prefixes });
    const prices = await readPrices(system.services['enrichment-stub'].url);
    const orders = makeOrders({
      prefix: 'demo',
      count: orderCount,
      prices,
      formats: ['protobuf', 'plain_json', 'protobuf_json'],
    });
    signal.throwIfAborted();

    progress.step(`send ${orderCount} orders, kill every service once`);
    const began = performance.now();
    const { sent, killed } = await sendAndKill(system, stores, orders, progress, signal);

    progress.step('wait until nothing is under way, and check the books');
    const books = ordersCommand(system.env, 'check', '--wait', '60');
    let checked: Awaited<typeof books> | undefined;
    void books.then((result) => {
      checked = result;
    });
    while (checked === undefined) {
      const [row] = await stores.query<{ count: number }>(
        "select count(*)::int as count from orders where state in ('COMPLETED', 'REJECTED', 'CANCELLED')",
      );
      progress.update(`${row?.count ?? 0} orders have ended`);
      await sleep(250, undefined, { signal });
    }
    const seconds = (performance.now() - began) / 1000;
    const taken = orders.filter(({ orderId }) => !sent.refused.has(orderId));
    const result = await audit(stores, taken);
    const outcome = await readOutcome(stores);
    progress.done();

    printSummary({ orders: orders.length, sent, killed, seconds, outcome, audit: result, books: checked });
    return checked.code === 0 && result.findings.every(({ violations }) => violations.length === 0);
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
