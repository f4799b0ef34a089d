import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { topics } from '@orderflow/contracts';
import { InventoryService } from '@orderflow/contracts/orderflow/inventory/v1/inventory_service';
import { partNames, type Stack } from '@orderflow/devstack';
import { type System, serviceNames } from '@orderflow/local/system';
import pg from 'pg';
import { connectBroker } from './consumer-run.ts';
import { type Bench, onFreshSystem } from './on-fresh-system.ts';
import { ordersOfEverything, population } from './orders.ts';
import { cpuSeconds, machineCpuSeconds, treeCpuSeconds } from './processes.ts';
import { resultOf, startProgram } from './program.ts';
import { type Figure, median, percentile } from './report.ts';

/** Rounds come in pairs, A B B A, so that a change of the machine's speed affects both alike. */
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 4);
const ordersPerSecond = 50;
const seconds = { warmUp: 20, system: 60, floor: 30, idle: 10 };
const settledWithinMs = 180_000;

/** The hops of an order until it is CONFIRMED: one process produces to a topic, another reads it and commits. */
const hopsToConfirmed = [
  { producer: 'order-relay', topic: topics.orders, commits: 'order-worker: ACCEPTED' },
  { producer: 'order-relay', topic: topics.orderEvents, commits: 'inventory: stock reserved' },
  // Payment commits twice (payment due with its call stored, call recorded) and calls the gateway, which commits too.
  // The lower bound has one commit for all of it.
  { producer: 'inventory', topic: topics.inventoryEvents, commits: 'payment: charged' },
  { producer: 'payment', topic: topics.paymentEvents, commits: 'order-saga: CONFIRMED' },
] as const;

const states = ['ACCEPTED', 'RESERVED', 'CONFIRMED', 'COMPLETED'] as const;

interface SystemRun {
  /** Since the order was created, in milliseconds. */
  readonly latencies: Readonly<
    Record<(typeof states)[number], { readonly p50: number; readonly p99: number }>
  >;
  /** By process. */
  readonly cpuSeconds: ReadonlyMap<string, number>;
  /** Of a core, on average: the CPU that neither the system nor the stores have used. */
  readonly elsewhere: number;
  readonly lateP99Ms: number;
}

interface FloorRun {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly lateP99Ms: number;
}

/**
 * Measures the duration and the cost of orders at a steady rate, compared with as many bare hops.
 *
 * The time of an order is read from Postgres: `create_time` of its history row of a state minus its own. Both are the
 * database's clock at the start of the transaction that wrote the row. The lower bound's first and last row are timed
 * alike, so that both cover the same number of produces, fetches and commits.
 *
 * The system stays up while the lower bound is measured: restarting it would measure cold processes. Its idle CPU is
 * reported, and so is the lower bound without it.
 */
export function benchSaga(): Promise<boolean> {
  const name = 'saga';
  const title = `orders at ${ordersPerSecond} a second: against bare hops over Kafka and Postgres`;
  const env = { KAFKA_SESSION_TIMEOUT: '30s', LOG_LEVEL: 'warn', GATEWAY_DECLINED_PERCENT: '0' };
  return onFreshSystem({ name, title, env }, measure);
}

async function measure(bench: Bench): Promise<Figure[]> {
  const { stack, system, say } = bench;
  await system.start();
  const pool = new pg.Pool({ connectionString: `${stack.urls.POSTGRES_URL}/order_service`, max: 1 });
  try {
    say('stocking every product, and filling the cache');
    await fillStock(system.services.inventory.url);
    await sendEverything(stack, pool);
    say('warming up');
    await load(bench, pool, 'warm', seconds.warmUp);
    const before = sumOf(cpuOfServices(system));
    await sleep(seconds.idle * 1000);
    const idle = (sumOf(cpuOfServices(system)) - before) / seconds.idle;

    const runs: SystemRun[] = [];
    const floor: FloorRun[] = [];
    for (let round = 0; round < rounds; round += 1) {
      say(`round ${round + 1} of ${rounds}`);
      const inTurn = [
        async () => runs.push(await measureSystem(bench, pool, `r${round}`)),
        async () => floor.push(await measureFloor(bench, `r${round}`)),
      ];
      if (round % 2 === 1) inTurn.reverse();
      for (const each of inTurn) await each();
    }
    say('the bare hops again, with the system stopped');
    await system.stop();
    const alone = await measureFloor(bench, 'alone');
    return figures(runs, floor, alone, idle);
  } finally {
    await pool.end();
  }
}

/** Stocks every product, so that no order is short. */
async function fillStock(baseUrl: string): Promise<void> {
  const sessionManager = new Http2SessionManager(baseUrl);
  const inventory = createClient(InventoryService, createGrpcTransport({ baseUrl, sessionManager }));
  const set = (number: number) =>
    inventory.setStock({ productId: `p-${number}`, onHand: 1_000_000n, reason: 'benchmark' });
  for (let first = 1; first <= population.products; first += 50) {
    await Promise.all(Array.from({ length: 50 }, (_, index) => set(first + index)));
  }
  sessionManager.abort();
}

async function sendEverything(stack: Stack, pool: pg.Pool): Promise<void> {
  const orders = ordersOfEverything('everything');
  const broker = await connectBroker(stack.urls.KAFKA_BROKERS);
  await broker.send(topics.orders, orders);
  await broker.close();
  await untilCompleted(pool, 'everything', orders.length);
}

async function untilCompleted(pool: pg.Pool, prefix: string, count: number): Promise<void> {
  const deadline = performance.now() + settledWithinMs;
  for (;;) {
    const { rows } = await pool.query(
      'select state, count(*)::int as count from orders where id like $1 group by state',
      [`${prefix}-%`],
    );
    if (rows.length === 1 && rows[0].state === 'COMPLETED' && rows[0].count === count) return;
    if (performance.now() > deadline) {
      throw new Error(`${count} orders ${prefix} are not all COMPLETED: ${JSON.stringify(rows)}`);
    }
    await sleep(500);
  }
}

/** Creates orders at the steady rate and waits until all are COMPLETED. Returns how late they were sent. */
async function load(bench: Bench, pool: pg.Pool, prefix: string, forSeconds: number): Promise<number> {
  const count = ordersPerSecond * forSeconds;
  const { url } = bench.system.services['order-api'];
  const sender = startProgram(bench, 'steady-load', url, prefix, String(count), String(ordersPerSecond));
  const { lateP99Ms } = (await resultOf(sender)) as { readonly lateP99Ms: number };
  await untilCompleted(pool, prefix, count);
  return lateP99Ms;
}

async function measureSystem(bench: Bench, pool: pg.Pool, prefix: string): Promise<SystemRun> {
  const { stack, system } = bench;
  const before = new Map([...cpuOfServices(system), ...cpuOfStores(stack)]);
  const machineBefore = machineCpuSeconds();
  const began = performance.now();
  const lateP99Ms = await load(bench, pool, prefix, seconds.system);
  const took = (performance.now() - began) / 1000;
  const machine = machineCpuSeconds() - machineBefore;
  const after = [...cpuOfServices(system), ...cpuOfStores(stack)];
  const used = new Map(after.map(([name, cpu]) => [name, cpu - (before.get(name) ?? 0)]));
  const { rows } = await pool.query<{ state: string; ms: number }>(
    `select h.state, (extract(epoch from h.create_time - o.create_time) * 1000)::float8 as ms
     from orders o join order_history h on h.order_id = o.id where o.id like $1`,
    [`${prefix}-%`],
  );
  const latencyOf = (state: string) => {
    const all = rows.filter((row) => row.state === state).map(({ ms }) => ms);
    return [state, { p50: percentile(all, 0.5), p99: percentile(all, 0.99) }];
  };
  return {
    latencies: Object.fromEntries(states.map(latencyOf)),
    cpuSeconds: used,
    elsewhere: (machine - sumOf(used)) / took,
    lateP99Ms,
  };
}

async function measureFloor(bench: Bench, name: string): Promise<FloorRun> {
  const args = [hopsToConfirmed.length, ordersPerSecond * seconds.floor, ordersPerSecond].map(String);
  return (await resultOf(startProgram(bench, 'hops', name, ...args))) as FloorRun;
}

function cpuOfServices({ services }: System): Map<string, number> {
  return new Map(serviceNames.map((name) => [name, cpuSeconds(services[name].pid())]));
}

function cpuOfStores({ parts }: Stack): Map<string, number> {
  return new Map(partNames.map((name) => [name, treeCpuSeconds(parts[name].pid() ?? 0)]));
}

function sumOf(cpu: ReadonlyMap<string, number>): number {
  return [...cpu.values()].reduce((sum, each) => sum + each, 0);
}

function figures(
  runs: readonly SystemRun[],
  floor: readonly FloorRun[],
  alone: FloorRun,
  idle: number,
): Figure[] {
  const thousands = (ordersPerSecond * seconds.system) / 1000;
  const cpuOf = (names: readonly string[]) =>
    median(
      runs.map((run) => names.reduce((sum, name) => sum + (run.cpuSeconds.get(name) ?? 0), 0) / thousands),
    );
  const cpuFigure = (name: string, names: readonly string[]): Figure => ({
    name: `CPU of ${name}`,
    value: cpuOf(names),
    unit: 'CPU s/1000 orders',
  });
  const latency = (state: (typeof states)[number], share: 'p50' | 'p99') =>
    median(runs.map((run) => run.latencies[state][share]));
  const floorP50 = median(floor.map(({ p50Ms }) => p50Ms));
  const hops = hopsToConfirmed.length;
  return [
    { name: `${hops} bare hops: p50`, value: floorP50, unit: 'ms' },
    { name: `${hops} bare hops: p99`, value: median(floor.map(({ p99Ms }) => p99Ms)), unit: 'ms' },
    { name: `${hops} bare hops, the system stopped: p50`, value: alone.p50Ms, unit: 'ms' },
    ...states.flatMap((state): Figure[] => [
      { name: `created → ${state}: p50`, value: latency(state, 'p50'), unit: 'ms' },
      { name: `created → ${state}: p99`, value: latency(state, 'p99'), unit: 'ms' },
    ]),
    {
      name: 'created → CONFIRMED / bare hops, p50',
      value: latency('CONFIRMED', 'p50') / floorP50,
      unit: '×',
      target: '<= 3',
    },
    {
      name: 'sender late: p99',
      value: Math.max(...[...runs, ...floor].map(({ lateP99Ms }) => lateP99Ms)),
      unit: 'ms',
    },
    ...serviceNames.map((name) => cpuFigure(name, [name])),
    cpuFigure('all our processes', serviceNames),
    ...partNames.map((name) => cpuFigure(name, [name])),
    cpuFigure('all stores', partNames),
    { name: 'CPU of all our processes, idle', value: idle * 100, unit: '% of a core' },
    // The sender uses a few percent. More means that other processes were active on this machine.
    {
      name: 'CPU of everything else meanwhile',
      value: median(runs.map(({ elsewhere }) => elsewhere)) * 100,
      unit: '% of a core',
    },
  ];
}
