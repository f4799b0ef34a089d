import { setTimeout as sleep } from 'node:timers/promises';
import { cpuSeconds, residentMiB } from './processes.ts';
import { resultOf, startProgram } from './program.ts';
import { type Figure, percentile, report } from './report.ts';
import type { SagaBench } from './saga-loads.ts';
import { onWholeSystem } from './whole-system.ts';

const seconds = Number(process.env['BENCH_SECONDS'] ?? 40);
const idleWatchers = 2_000;
const stalledReaders = 100;
const rate = 20;

/** A version of an order as a watcher got it, and when, by the time of day in milliseconds. */
export interface Received {
  readonly orderId: string;
  readonly version: number;
  readonly at: number;
}

/**
 * Measures what watchers cost an API process: many that get nothing; the time from a commit to a watcher of all orders at
 * a steady load; and the same while others read nothing of what they are sent.
 */
export async function benchWatch(): Promise<boolean> {
  const title = `${idleWatchers} idle watchers; ${rate} orders a second, watched, for ${seconds} s`;
  return report('watch', await onWholeSystem({ title }, measure));
}

async function measure(bench: SagaBench): Promise<Figure[]> {
  const pid = bench.system.services['order-api'].pid();
  bench.say('reading, before anyone watches for long');
  await watched(bench, 'warm', 5);

  bench.say(`${idleWatchers} idle watchers`);
  const before = residentMiB(pid);
  const beforeCpu = await cpuOf(pid, 10);
  const idle = startProgram(bench, 'watchers', urlOf(bench), String(idleWatchers));
  await idle.waitForLine(/^open$/m, { timeoutMs: 120_000 });
  // Once the calls that opened them are garbage, or would be.
  await sleep(5_000);
  const idleCpu = await cpuOf(pid, seconds);
  const idleMiB = residentMiB(pid) - before;
  await idle.kill();

  bench.say(`${rate} orders a second, watched`);
  const alone = await watched(bench, 'alone', seconds);
  const aloneMiB = residentMiB(pid);
  bench.say(`the same, beside ${stalledReaders} stalled readers`);
  const stalled = startProgram(bench, 'watchers', urlOf(bench), String(stalledReaders), 'stalled');
  await stalled.waitForLine(/^open$/m, { timeoutMs: 60_000 });
  // Until their buffers are full each is a watcher like others.
  await watched(bench, 'stalling', 10);
  // Shorter than the time after which a server cuts a response of which nothing is read.
  const beside = await watched(bench, 'beside', Math.min(seconds, 25));
  const stalledMiB = residentMiB(pid) - aloneMiB;
  await stalled.kill();

  return [
    { name: 'idle watchers', value: idleWatchers, unit: 'watchers' },
    { name: 'memory of idle watchers', value: Math.max(0, idleMiB), unit: 'MiB' },
    { name: 'CPU of idle watchers', value: Math.max(0, idleCpu - beforeCpu), unit: '% of a core' },
    { name: 'commit → watcher: p50', value: percentile(alone, 0.5), unit: 'ms' },
    { name: 'commit → watcher: p99', value: percentile(alone, 0.99), unit: 'ms' },
    { name: 'memory of stalled readers', value: Math.max(0, stalledMiB), unit: 'MiB' },
    { name: 'commit → watcher beside stalled readers: p99', value: percentile(beside, 0.99), unit: 'ms' },
    {
      name: 'commit → watcher: p99 beside stalled readers / alone',
      value: percentile(beside, 0.99) / percentile(alone, 0.99),
      unit: '×',
    },
  ];
}

function urlOf({ system }: SagaBench): string {
  return system.services['order-api'].url;
}

/** The share of a core that a process uses during so many seconds, in percent. */
async function cpuOf(pid: number, forSeconds: number): Promise<number> {
  const [used, since] = [cpuSeconds(pid), performance.now()];
  await sleep(forSeconds * 1_000);
  return ((cpuSeconds(pid) - used) / ((performance.now() - since) / 1_000)) * 100;
}

/**
 * Creates orders at the steady rate, and returns the times from their commits to a watcher of all orders, in
 * milliseconds. A commit is later than the time that its history row has, by what the transaction takes.
 */
async function watched(bench: SagaBench, prefix: string, forSeconds: number): Promise<number[]> {
  const count = rate * forSeconds;
  const watcher = startProgram(bench, 'watch-all', urlOf(bench), `${prefix}-`, String(count));
  await watcher.waitForLine(/^\[$/m, { timeoutMs: 60_000 });
  await resultOf(startProgram(bench, 'steady-load', urlOf(bench), prefix, String(count), String(rate)));
  const received = (await resultOf(watcher)) as (Received | null)[];
  const { rows } = await bench.pool.query<{ id: string; version: number; at: number }>(
    `select order_id as id, version, (extract(epoch from create_time) * 1000)::float8 as at
     from order_history where order_id like $1 and version > 0`,
    [`${prefix}-%`],
  );
  const commits = new Map(rows.map(({ id, version, at }) => [`${id}/${version}`, at]));
  return received.flatMap((each) => {
    if (each === null) return [];
    const committed = commits.get(`${each.orderId}/${each.version}`);
    return committed === undefined ? [] : [each.at - committed];
  });
}
