// pnpm demo: whole orders on real stores, every service killed once, and all stores compared at the end.
// pnpm demo --running: the same orders through a system that is up already; nothing is started, killed or stopped. It
// finds out whether that requires tokens.
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createStack, defaultPorts, partNames, repositoryRoot } from '@orderflow/devstack';
import { infrastructureSettings } from '@orderflow/runtime';
import { audit } from '../src/audit.ts';
import { readPrices } from '../src/catalogue.ts';
import { clientsOf, ordersCommand, tokenInterceptors } from '../src/clients.ts';
import { makeOrders, type TestOrder } from '../src/orders.ts';
import { openStores, type Stores } from '../src/stores.ts';
import { createSystem, type System } from '../src/system.ts';
import { usualIssuer } from '../src/tokens.ts';
import { readOutcome } from './outcome.ts';
import { createProgress, type Progress } from './progress.ts';
import { type Sent, sendByApi, sendByKafka } from './senders.ts';
import { printSummary } from './summary.ts';

const orderCount = 1_000;

const dir = join(repositoryRoot, '.orderflow/demo');
const shown = (path: string) => relative(process.cwd(), path) || '.';

/** Kills one service after the other while orders are in flight; each is started again at once. */
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

/** Sends all orders: every other valid one over the API, the rest to Kafka. */
async function sendBothWays(
  system: System,
  stores: Stores,
  orders: readonly TestOrder[],
  progress: Progress,
  signal: AbortSignal,
): Promise<Sent> {
  // The API refuses invalid orders: those go to Kafka.
  const byApi = orders.filter(({ expected }, index) => expected.outcome === 'ACCEPTED' && index % 2 === 0);
  const overApi = new Set(byApi);
  const byKafka = orders.filter((order) => !overApi.has(order));
  let count = 0;
  const onSent = (some: number) => {
    count += some;
    progress.update(`${count} of ${orders.length} sent`);
  };
  const [api, kafka] = await Promise.all([
    sendByApi(clientsOf(system), byApi, onSent, signal),
    sendByKafka(stores, byKafka, onSent, signal),
  ]);
  return { ...api, ...kafka };
}

/**
 * Sends the demo's orders, waits until they have ended, compares all stores and prints the results. `disturb` runs
 * meanwhile and returns the services it killed. Returns whether all checks hold.
 */
async function sendAndCheck(
  system: System,
  stores: Stores,
  progress: Progress,
  signal: AbortSignal,
  disturb: () => Promise<string[]>,
): Promise<boolean> {
  const prices = await readPrices(system.services['enrichment-stub'].url, tokenInterceptors(system.env));
  const orders = makeOrders({
    prefix: 'demo',
    count: orderCount,
    prices,
    formats: ['protobuf', 'plain_json', 'protobuf_json'],
  });
  signal.throwIfAborted();
  const began = performance.now();
  const [sent, killed] = await Promise.all([
    sendBothWays(system, stores, orders, progress, signal),
    disturb(),
  ]);

  progress.step('wait until nothing is in flight, and compare all stores');
  const check = ordersCommand(system.env, 'check', '--wait', '60');
  let checked: Awaited<typeof check> | undefined;
  void check.then((result) => {
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

  printSummary({ orders: orders.length, sent, killed, seconds, outcome, audit: result, check: checked });
  return checked.code === 0 && result.findings.every(({ violations }) => violations.length === 0);
}

/** Starts its own system, and kills each of its services once. */
async function demo(progress: Progress, signal: AbortSignal): Promise<boolean> {
  progress.step('start Kafka, MongoDB, Redis, Postgres, maildev');
  const stack = await createStack({
    dir,
    ports: 'free',
    parts: partNames,
    onProgress: (line) => progress.update(line),
  });
  let system: System | undefined;
  try {
    await stack.reset();
    await stack.up();
    signal.throwIfAborted();

    progress.step('start the services');
    // A unique prefix separates this run from others where the stores are shared.
    const name = `demo_${Date.now().toString(36)}_`;
    const isShared = Object.values(stack.parts).some(({ external }) => external);
    const prefixes: Record<string, string> = isShared ? { TOPIC_PREFIX: name, DATABASE_PREFIX: name } : {};
    const running = await createSystem({
      urls: stack.urls,
      ports: 'free',
      logDir: join(dir, 'logs'),
      // Small batches, so that a kill hits one in flight.
      env: { ...prefixes, SLICE_SIZE: '50' },
      auth: true,
    });
    system = running;
    await running.start();
    await using stores = await openStores({ ...stack.urls, ...prefixes });
    const { page } = stack.parts.maildev;
    const mails = page === undefined ? '' : `, mails are on ${page}`;
    progress.step(`send ${orderCount} orders, kill every service once${mails}`);
    return await sendAndCheck(running, stores, progress, signal, () => killEach(running, signal));
  } finally {
    progress.step('stop everything');
    await system?.stop();
    await stack.down();
    progress.done();
    console.log(`\n  Logs and data of this run: ${shown(dir)}\n`);
  }
}

/** Uses a system started by `pnpm dev` or `docker compose up`, at the default addresses. It must contain no orders. */
async function demoOnRunningSystem(progress: Progress, signal: AbortSignal): Promise<boolean> {
  progress.step(`send ${orderCount} orders to the running system`);
  const { kafkaBrokers, mongoUrl, redisUrl, postgresUrl } = infrastructureSettings;
  const urls = {
    KAFKA_BROKERS: kafkaBrokers.default,
    MONGO_URL: mongoUrl.default,
    REDIS_URL: redisUrl.default,
    POSTGRES_URL: postgresUrl.default,
    SMTP_URL: `smtp://127.0.0.1:${defaultPorts.maildev}`,
  };
  const running = { urls, ports: 'usual' as const, logDir: join(dir, 'logs') };
  const issuer = process.env['AUTH_ISSUER'] || usualIssuer;
  const open = await createSystem(running);
  const system = (await requiresTokens(open))
    ? await createSystem({ ...running, env: { AUTH_ISSUER: issuer } })
    : open;
  await using stores = await openStores(urls);
  const [row] = await stores.query<{ count: number }>('select count(*)::int as count from orders');
  if (row?.count !== 0) {
    throw new Error(
      `${row?.count} orders exist already, but the check covers only the demo's orders. ` +
        'Start again without data: `docker compose down --volumes`, or `pnpm stack reset`.',
    );
  }
  return await sendAndCheck(system, stores, progress, signal, async () => []);
}

/** Whether the order API refuses a call without a token. */
async function requiresTokens({ services }: System): Promise<boolean> {
  const { url } = services['order-api'];
  try {
    return (await fetch(`${url}/orders/demo-1/status`)).status === 401;
  } catch (cause) {
    throw new Error(`no order API responds at ${url}; \`pnpm dev\` starts one`, { cause });
  }
}

const [mode, ...more] = process.argv.slice(2);
if ((mode !== undefined && mode !== '--running') || more.length > 0) {
  console.error(`usage: pnpm demo [--running]

--running   sends the orders to a system that is up. Where it requires tokens, they are those of the identity
            stub at AUTH_ISSUER (${usualIssuer}).`);
  process.exit(2);
}
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => interrupted.abort(new Error(`stopped by ${signal}`)));
}
console.log('\norderflow demo: orders from two sides, through stock and payment, on real stores\n');
try {
  const run = mode === '--running' ? demoOnRunningSystem : demo;
  process.exitCode = (await run(createProgress(), interrupted.signal)) ? 0 : 1;
} catch (error) {
  console.error(`\n${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
