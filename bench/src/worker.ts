import { createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { groups, topics } from '@orderflow/contracts';
import { FaultService } from '@orderflow/contracts/orderflow/testing/v1/fault_service';
import type { Stack } from '@orderflow/devstack';
import { enrichmentPath, type System, sumOf } from '@orderflow/local/system';
import type { TestProcess } from '@orderflow/testing/process';
import { Redis } from 'ioredis';
import {
  type Broker,
  type ConsumerRun,
  connectBroker,
  measureBacklog,
  type Subject,
  sumOfTrees,
  untilDrained,
} from './consumer-run.ts';
import { onFreshSystem } from './on-fresh-system.ts';
import { makeOrders, ordersOfEverything, population } from './orders.ts';
import { residentMiB } from './processes.ts';
import { resultOf, startProgram } from './program.ts';
import { type Figure, median } from './report.ts';

/** Rounds come in pairs, A B B A, so that a change of the machine's speed affects both alike. */
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 6);
/** About the same duration for each: the naive consumer is some ten times slower. */
const counts = {
  worker: 15_000,
  naive: 2_000,
  stage: 15_000,
  backlog: Number(process.env['BENCH_BACKLOG'] ?? 200_000),
};
const stageNames = ['mget', 'decide', 'insert'] as const;

interface StageRun {
  readonly orders: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
}

const perOrder = (run: StageRun) => run.seconds / run.orders;
const cpuPerOrder = (run: StageRun) => run.cpuSeconds / run.orders;
const micro = (seconds: number) => seconds * 1e6;

/** Measures the order worker against its raw stages and against the obvious consumer. */
export function benchWorker(): Promise<boolean> {
  const name = 'worker';
  const title = 'order worker: against its raw stages, and against one record at a time';
  const env = { KAFKA_SESSION_TIMEOUT: '30s', LOG_LEVEL: 'warn' };
  return onFreshSystem({ name, title, env }, async ({ stack, system, running, say }) => {
    await system.start(enrichmentPath);
    return measure(stack, system, running, say);
  });
}

async function measure(
  stack: Stack,
  system: System,
  running: TestProcess[],
  say: (text: string) => void,
): Promise<Figure[]> {
  const broker = await connectBroker(stack.urls.KAFKA_BROKERS);
  const redis = new Redis(stack.urls.REDIS_URL);
  const program = (name: string, ...args: string[]) => startProgram({ stack, running }, name, ...args);
  const allCpu = () =>
    sumOfTrees([
      ...enrichmentPath.map((name) => system.services[name].pid()),
      ...Object.values(stack.parts).flatMap((part) => part.pid() ?? []),
    ]);

  try {
    say('warming up');
    const worker: Subject = {
      topic: topics.orders,
      group: groups.orderWorker,
      pid: system.services['order-worker'].pid(),
      freeze: system.services['order-worker'].freeze,
      thaw: system.services['order-worker'].thaw,
    };
    await broker.send(worker.topic, [...ordersOfEverything('warm'), ...makeOrders('warmer', 15_000, 99)]);
    await untilDrained(broker, worker);

    await fillNaiveCache(redis);
    const naive = await startConsumer('naive-consumer', broker, program);
    await broker.send(naive.topic, makeOrders('naive-warm', 1_000, 99));
    await untilDrained(broker, naive);
    const floor = await startConsumer('consume-commit', broker, program);
    await broker.send(floor.topic, makeOrders('floor-warm', 15_000, 99));
    await untilDrained(broker, floor);

    const runs = { worker: [] as ConsumerRun[], naive: [] as ConsumerRun[], consume: [] as ConsumerRun[] };
    const stageRuns: Record<string, StageRun[]> = {};
    const measureWorker = async (tag: string) =>
      runs.worker.push(
        await measureBacklog(broker, worker, makeOrders(`hot-${tag}`, counts.worker, tag.length), allCpu),
      );
    const measureTwin = async (tag: string) => {
      runs.naive.push(
        await measureBacklog(broker, naive, makeOrders(`naive-${tag}`, counts.naive, tag.length), allCpu),
      );
      runs.consume.push(
        await measureBacklog(broker, floor, makeOrders(`floor-${tag}`, counts.stage, tag.length), allCpu),
      );
      for (const stage of stageNames) {
        const stageRun = (await resultOf(program('stage', stage, String(counts.stage), tag))) as StageRun;
        stageRuns[stage] = [...(stageRuns[stage] ?? []), stageRun];
      }
    };
    for (let round = 0; round < rounds; round += 1) {
      say(`round ${round + 1} of ${rounds}`);
      const inTurn = [measureWorker, measureTwin];
      if (round % 2 === 1) inTurn.reverse();
      for (const each of inTurn) await each(`r${round}`);
    }

    say('cold cache');
    const cold = await measureCold(broker, system, worker, redis, allCpu);
    say(`backlog of ${counts.backlog} orders`);
    const backlog = await measureLongBacklog(broker, worker);
    return [...hotFigures(runs, stageRuns), ...cold, ...backlog];
  } finally {
    redis.disconnect();
    await broker.close();
  }
}

function hotFigures(
  runs: Record<'worker' | 'naive' | 'consume', ConsumerRun[]>,
  stageRuns: Record<string, StageRun[]>,
): Figure[] {
  const stages: [string, StageRun[]][] = [['consume + commit', runs.consume], ...Object.entries(stageRuns)];
  const rawCpu = stages.reduce((sum, [, each]) => sum + median(each.map(cpuPerOrder)), 0);
  const rawSeconds = stages.reduce((sum, [, each]) => sum + median(each.map(perOrder)), 0);
  const workerCpu = median(runs.worker.map(cpuPerOrder));
  const naiveCpu = median(runs.naive.map(cpuPerOrder));
  const workerRate = 1 / median(runs.worker.map(perOrder));
  const allCpu = (each: ConsumerRun) => (each.allCpuSeconds / each.orders) * 1_000;
  return [
    ...stages.flatMap(([name, each]): Figure[] => [
      { name: `raw ${name}: rate`, value: 1 / median(each.map(perOrder)), unit: 'orders/s' },
      { name: `raw ${name}: CPU`, value: micro(median(each.map(cpuPerOrder))), unit: 'µs/order' },
    ]),
    { name: 'one at a time: rate', value: 1 / median(runs.naive.map(perOrder)), unit: 'orders/s' },
    { name: 'one at a time: per CPU second', value: 1 / naiveCpu, unit: 'orders/CPU s', target: '>= 800' },
    { name: 'worker: rate', value: workerRate, unit: 'orders/s' },
    { name: 'worker: CPU', value: workerCpu * 1_000, unit: 'CPU s/1000 orders' },
    {
      name: 'worker: CPU of all processes',
      value: median(runs.worker.map(allCpu)),
      unit: 'CPU s/1000 orders',
    },
    { name: 'worker: memory', value: Math.max(...runs.worker.map((each) => each.residentMiB)), unit: 'MiB' },
    { name: 'worker / one at a time, per CPU s', value: naiveCpu / workerCpu, unit: '×', target: '>= 10' },
    { name: 'worker CPU / sum of raw stages', value: workerCpu / rawCpu, unit: '×', target: '<= 1.5' },
    { name: 'worker rate / stages in series', value: workerRate * rawSeconds, unit: '×', target: '>= 0.8' },
  ];
}

/** Measures with an empty cache: how often the enrichment API is called. */
async function measureCold(
  broker: Broker,
  system: System,
  worker: Subject,
  redis: Redis,
  allCpu: () => number,
): Promise<Figure[]> {
  const stub = createClient(
    FaultService,
    createConnectTransport({ baseUrl: system.services['enrichment-stub'].url, httpVersion: '1.1' }),
  );
  const chunksOf = async () =>
    sumOf(await system.services['order-worker'].metrics(), 'orderflow_enrichment_upstream_calls_total');
  await redis.flushall();
  await stub.resetCallCounts({});
  const chunksBefore = await chunksOf();
  const run = await measureBacklog(broker, worker, makeOrders('cold', counts.worker, 5), allCpu);
  const { calls, ids } = await stub.getCallCounts({});
  const asked = Object.values(calls).reduce((sum, count) => sum + Number(count), 0);
  const asks = Object.values(ids).map(Number);
  const perId = asks.reduce((sum, count) => sum + count, 0) / asks.length;
  return [
    { name: 'cold: rate', value: run.orders / run.seconds, unit: 'orders/s' },
    { name: 'cold: CPU', value: (run.cpuSeconds / run.orders) * 1_000, unit: 'CPU s/1000 orders' },
    {
      name: 'cold: BatchGets per chunk of missing ids',
      value: asked / ((await chunksOf()) - chunksBefore),
      unit: '×',
      target: '<= 1.1',
    },
    { name: 'cold: upstream asks per distinct id', value: perId, unit: '×' },
  ];
}

/** Measures whether the last orders of a long backlog are as fast as the first, and memory stays flat. */
async function measureLongBacklog(broker: Broker, worker: Subject): Promise<Figure[]> {
  worker.freeze();
  await broker.send(worker.topic, makeOrders('long', counts.backlog, 11));
  const began = performance.now();
  const seen: { at: number; done: number; memory: number }[] = [];
  worker.thaw();
  await untilDrained(broker, worker, (lag) => {
    seen.push({ at: performance.now() - began, done: counts.backlog - lag, memory: residentMiB(worker.pid) });
  });
  const timeAt = (share: number) => seen.find(({ done }) => done >= counts.backlog * share)?.at ?? Number.NaN;
  const memoryFrom = (from: number, to: number) =>
    median(
      seen
        .filter(({ done }) => done >= counts.backlog * from && done <= counts.backlog * to)
        .map(({ memory }) => memory),
    );
  // The very first commits include the thaw; a tenth is measured from the first hundredth on.
  const first = (timeAt(0.11) - timeAt(0.01)) / 0.1;
  const last = (timeAt(1) - timeAt(0.9)) / 0.1;
  return [
    {
      name: 'backlog: rate',
      value: counts.backlog / ((seen.at(-1)?.at ?? Number.NaN) / 1000),
      unit: 'orders/s',
    },
    { name: 'backlog: rate of last / first tenth', value: first / last, unit: '×', target: '>= 0.9' },
    {
      name: 'backlog: memory, last / second tenth',
      value: memoryFrom(0.9, 1) / memoryFrom(0.1, 0.2),
      unit: '×',
      target: '<= 1.2',
    },
    { name: 'backlog: memory at most', value: Math.max(...seen.map(({ memory }) => memory)), unit: 'MiB' },
  ];
}

/** Fills the naive consumer's own cache with every customer and product. */
async function fillNaiveCache(redis: Redis): Promise<void> {
  const pipeline = redis.pipeline();
  for (let n = 1; n <= population.customers; n += 1) {
    const customer = {
      customerId: `c-${n}`,
      name: `Customer ${n}`,
      email: `c${n}@example.com`,
      active: true,
    };
    pipeline.set(`naive:customer:c-${n}`, JSON.stringify(customer));
  }
  for (let n = 1; n <= population.products; n += 1) {
    const product = { productId: `p-${n}`, name: `Product ${n}`, description: 'A product', price: 9.99 };
    pipeline.set(`naive:product:p-${n}`, JSON.stringify(product));
  }
  await pipeline.exec();
}

async function startConsumer(
  name: string,
  broker: Broker,
  program: (name: string, ...args: string[]) => TestProcess,
): Promise<Subject> {
  const topic = `bench-${name}`;
  await broker.createTopic(topic);
  const started = program(name, topic, name);
  await started.waitForLine(/^ready$/);
  return { topic, group: name, pid: started.pid, freeze: started.freeze, thaw: started.thaw };
}
