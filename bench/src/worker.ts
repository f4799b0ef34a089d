import { createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { FaultService } from '@orderflow/contracts/orderflow/testing/v1/fault_service';
import { enrichmentPath, type System, sumOf } from '@orderflow/local/system';
import { Redis } from 'ioredis';
import {
  type Broker,
  type ConsumerRun,
  connectBroker,
  measureBacklog,
  type Subject,
  untilDrained,
} from './consumer-run.ts';
import { type Bench, onFreshSystem } from './on-fresh-system.ts';
import { makeOrders } from './orders.ts';
import { residentMiB } from './processes.ts';
import { resultOf, startProgram } from './program.ts';
import { type Figure, median, report } from './report.ts';
import { startSubjects } from './subjects.ts';

/** Rounds come in pairs, A B B A, so that a change of the machine's speed affects both alike. */
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 6);
/** Some seconds for each: one record at a time is much slower. */
const counts = {
  worker: 15_000,
  naive: 2_000,
  careful: 1_000,
  stage: 15_000,
  backlog: Number(process.env['BENCH_BACKLOG'] ?? 200_000),
};
const stageNames = ['mget', 'decide', 'insert'] as const;

interface StageRun {
  readonly orders: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
}

type Runs = Record<'worker' | 'naive' | 'careful' | 'consume', ConsumerRun[]>;

const perOrder = (run: StageRun) => run.seconds / run.orders;
const cpuPerOrder = (run: StageRun) => run.cpuSeconds / run.orders;
const micro = (seconds: number) => seconds * 1e6;

/** Measures the order worker against its raw stages and against consumers that handle one record at a time. */
export async function benchWorker(): Promise<boolean> {
  const title = 'order worker: against its raw stages, and against one record at a time';
  const env = { KAFKA_SESSION_TIMEOUT: '30s', LOG_LEVEL: 'warn' };
  const figures = await onFreshSystem({ title, env }, async (bench) => {
    await bench.system.start(enrichmentPath);
    return measure(bench);
  });
  return report('worker', figures);
}

async function measure(bench: Bench): Promise<Figure[]> {
  const { stack, system, say } = bench;
  const broker = await connectBroker(stack.urls.KAFKA_BROKERS);
  const redis = new Redis(stack.urls.REDIS_URL);
  try {
    say('warming up');
    const { worker, naive, careful, floor } = await startSubjects(bench, broker);
    const runs: Runs = { worker: [], naive: [], careful: [], consume: [] };
    const stageRuns: Record<string, StageRun[]> = {};
    const measureWorker = async (tag: string) => {
      runs.worker.push(
        await measureBacklog(broker, worker, makeOrders(`hot-${tag}`, counts.worker, tag.length)),
      );
    };
    const measureTwins = async (tag: string) => {
      const measureTwin = (subject: Subject, count: number) =>
        measureBacklog(broker, subject, makeOrders(`twin-${tag}`, count, tag.length));
      runs.naive.push(await measureTwin(naive, counts.naive));
      runs.careful.push(await measureTwin(careful, counts.careful));
      runs.consume.push(await measureTwin(floor, counts.stage));
      for (const stage of stageNames) {
        const program = startProgram(bench, 'stage', stage, String(counts.stage), tag);
        const stageRun = (await resultOf(program)) as StageRun;
        stageRuns[stage] = [...(stageRuns[stage] ?? []), stageRun];
      }
    };
    for (let round = 0; round < rounds; round += 1) {
      say(`round ${round + 1} of ${rounds}`);
      const inTurn = [measureWorker, measureTwins];
      if (round % 2 === 1) inTurn.reverse();
      for (const each of inTurn) await each(`r${round}`);
    }

    say('cold cache');
    const cold = await measureCold(broker, system, worker, redis);
    say(`backlog of ${counts.backlog} orders`);
    const backlog = await measureLongBacklog(broker, worker);
    return [...hotFigures(runs, stageRuns), ...cold, ...backlog];
  } finally {
    redis.disconnect();
    await broker.close();
  }
}

function hotFigures(runs: Runs, stageRuns: Record<string, StageRun[]>): Figure[] {
  const stages: [string, StageRun[]][] = [['consume + commit', runs.consume], ...Object.entries(stageRuns)];
  const rawCpu = stages.reduce((sum, [, each]) => sum + median(each.map(cpuPerOrder)), 0);
  const rawSeconds = stages.reduce((sum, [, each]) => sum + median(each.map(perOrder)), 0);
  const workerCpu = median(runs.worker.map(cpuPerOrder));
  const naiveCpu = median(runs.naive.map(cpuPerOrder));
  const carefulCpu = median(runs.careful.map(cpuPerOrder));
  const workerRate = 1 / median(runs.worker.map(perOrder));
  const allCpuOf = (each: readonly ConsumerRun[]) =>
    median(each.map(({ allCpuSeconds, orders }) => (allCpuSeconds / orders) * 1_000));
  const perThousand = 'CPU s/1000 orders';
  return [
    ...stages.flatMap(([name, each]): Figure[] => [
      { name: `raw ${name}: rate`, value: 1 / median(each.map(perOrder)), unit: 'orders/s' },
      { name: `raw ${name}: CPU`, value: micro(median(each.map(cpuPerOrder))), unit: 'µs/order' },
    ]),
    { name: 'one at a time: rate', value: 1 / median(runs.naive.map(perOrder)), unit: 'orders/s' },
    { name: 'one at a time: per CPU second', value: 1 / naiveCpu, unit: 'orders/CPU s' },
    { name: 'one at a time: CPU of all processes', value: allCpuOf(runs.naive), unit: perThousand },
    {
      name: 'careful, one at a time: rate',
      value: 1 / median(runs.careful.map(perOrder)),
      unit: 'orders/s',
    },
    { name: 'careful, one at a time: CPU', value: carefulCpu * 1_000, unit: perThousand },
    {
      name: 'careful, one at a time: CPU of all processes',
      value: allCpuOf(runs.careful),
      unit: perThousand,
    },
    { name: 'worker: rate', value: workerRate, unit: 'orders/s' },
    { name: 'worker: CPU', value: workerCpu * 1_000, unit: perThousand },
    { name: 'worker: CPU of all processes', value: allCpuOf(runs.worker), unit: perThousand },
    { name: 'worker: memory', value: Math.max(...runs.worker.map((each) => each.residentMiB)), unit: 'MiB' },
    { name: 'worker / one at a time, per CPU s', value: naiveCpu / workerCpu, unit: '×' },
    { name: 'worker / careful, per CPU s', value: carefulCpu / workerCpu, unit: '×' },
    {
      name: 'worker / careful, per CPU s of all processes',
      value: allCpuOf(runs.careful) / allCpuOf(runs.worker),
      unit: '×',
    },
    { name: 'worker CPU / sum of raw stages', value: workerCpu / rawCpu, unit: '×' },
    { name: 'worker rate / stages in series', value: workerRate * rawSeconds, unit: '×' },
  ];
}

/** Measures with an empty cache: how often the enrichment API is called. */
async function measureCold(broker: Broker, system: System, worker: Subject, redis: Redis): Promise<Figure[]> {
  const stub = createClient(
    FaultService,
    createConnectTransport({ baseUrl: system.services['enrichment-stub'].url, httpVersion: '1.1' }),
  );
  const chunksOf = async () =>
    sumOf(await system.services['order-worker'].metrics(), 'orderflow_enrichment_upstream_calls_total');
  await redis.flushall();
  await stub.resetCallCounts({});
  const chunksBefore = await chunksOf();
  const run = await measureBacklog(broker, worker, makeOrders('cold', counts.worker, 5));
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
    { name: 'backlog: rate of last / first tenth', value: first / last, unit: '×' },
    {
      name: 'backlog: memory, last / second tenth',
      value: memoryFrom(0.9, 1) / memoryFrom(0.1, 0.2),
      unit: '×',
    },
    { name: 'backlog: memory at most', value: Math.max(...seen.map(({ memory }) => memory)), unit: 'MiB' },
  ];
}
