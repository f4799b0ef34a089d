import { setTimeout as sleep } from 'node:timers/promises';
import { serviceNames } from '@orderflow/local/system';
import type { ChainRun } from './chain.ts';
import { measureCriticalPath } from './critical-path.ts';
import type { Bench } from './on-fresh-system.ts';
import { makeOrders } from './orders.ts';
import { proportionalMiB, residentMiB } from './processes.ts';
import { resultOf, startProgram } from './program.ts';
import { writeResults } from './report.ts';
import { type Memory, sagaFigures } from './saga-figures.ts';
import { atRate, type BacklogRun, type SagaBench, type SteadyRun, sendBacklog } from './saga-loads.ts';
import { printSagaTables } from './saga-tables.ts';
import { type StoredBytes, storedBy } from './stored-bytes.ts';
import { type Usage, usedBy } from './usage.ts';
import { onWholeSystem } from './whole-system.ts';

/** Rounds come in pairs, A B B A, so that a change of the machine's speed affects both alike. */
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 2);
/** Orders per second. */
const rates = { slow: 2, fast: 50 };
const seconds = { warmUp: 10, afterLoad: 5, idle: 30, slow: 15, fast: 30, floorFast: 10 };
const backlogOrders = 5_000;

/**
 * Measures the duration and the cost of whole orders: at a slow and a fast steady rate, and as fast as they go.
 *
 * Latency is compared with two lower bounds, which are timed like orders: their first and last rows hold the database's
 * clock at the start of their transactions. `programs/hops.ts` does the least that moves an order on,
 * `programs/saga-floor.ts` the least that keeps the same guarantees. The system stays up while they are measured:
 * restarting it would measure cold processes. Its idle usage is reported, and so are the bare hops without it.
 */
export async function benchSaga(): Promise<boolean> {
  const title = `whole orders at ${rates.slow} and ${rates.fast} a second, and as fast as they go`;
  const figures = sagaFigures(await onWholeSystem({ title }, measure));
  printSagaTables(figures);
  return writeResults('saga', figures);
}

async function measure(bench: SagaBench) {
  const { system, say } = bench;
  say('warming up');
  await atRate(bench, { prefix: 'warm', rate: rates.fast, forSeconds: seconds.warmUp });
  say('idle');
  // What V8 compiles and collects after a load belongs to the load.
  await sleep(seconds.afterLoad * 1_000);
  const idle: Usage = await usedBy(bench, () => sleep(seconds.idle * 1_000));

  const rate = () => ({ system: [] as SteadyRun[], hops: [] as ChainRun[], floor: [] as ChainRun[] });
  const slow = rate();
  const fast = rate();
  const backlog: BacklogRun[] = [];
  const memory: Memory[] = [];
  const stored: StoredBytes[] = [];
  const measureSystem = async (tag: string) => {
    const { fast: forSeconds } = seconds;
    fast.system.push(await atRate(bench, { prefix: `fast-${tag}`, rate: rates.fast, forSeconds }));
    slow.system.push(
      await atRate(bench, { prefix: `slow-${tag}`, rate: rates.slow, forSeconds: seconds.slow }),
    );
    const prefix = `backlog-${tag}`;
    const orders = makeOrders(prefix, backlogOrders, prefix.length);
    const send = async () => {
      backlog.push(await sendBacklog(bench, prefix, orders));
    };
    stored.push(await storedBy(bench, { prefix, orders: backlogOrders }, send));
    memory.push(memoryOf(serviceNames.map((name) => system.services[name].pid())));
  };
  const measureFloors = async (tag: string) => {
    for (const [name, program] of [
      ['hops', 'hops'],
      ['floor', 'saga-floor'],
    ] as const) {
      const [fastRun, slowRun] = await chains(bench, program, tag, ['fast', 'slow']);
      if (fastRun !== undefined) fast[name].push(fastRun);
      if (slowRun !== undefined) slow[name].push(slowRun);
    }
  };
  for (let round = 0; round < rounds; round += 1) {
    say(`round ${round + 1} of ${rounds}`);
    const inTurn = [measureSystem, measureFloors];
    if (round % 2 === 1) inTurn.reverse();
    for (const each of inTurn) await each(`r${round}`);
  }
  say('the critical path');
  const path = await measureCriticalPath(bench);
  say('the bare hops again, with the system stopped');
  await system.stop();
  const [alone] = await chains(bench, 'hops', 'alone', ['fast']);
  if (alone === undefined) throw new Error('the bare hops measured nothing');
  return { slow, fast, backlog, alone, idle, memory, stored, path };
}

function memoryOf(pids: readonly number[]): Memory {
  const sum = (memory: (pid: number) => number) => pids.reduce((all, pid) => all + memory(pid), 0);
  return { resident: sum(residentMiB), sharedOnce: sum(proportionalMiB) };
}

/** Runs a lower bound in a process of its own. */
async function chains(
  bench: Bench,
  program: 'hops' | 'saga-floor',
  name: string,
  at: readonly ('slow' | 'fast')[],
): Promise<ChainRun[]> {
  const loads = { slow: [rates.slow, seconds.slow], fast: [rates.fast, seconds.floorFast] } as const;
  const args = at.flatMap((each) => {
    const [rate, forSeconds] = loads[each];
    return [String(rate), String(rate * forSeconds)];
  });
  return (await resultOf(startProgram(bench, program, name, ...args))) as ChainRun[];
}
