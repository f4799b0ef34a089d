import { setTimeout as sleep } from 'node:timers/promises';
import { type Service, sumOf } from '@orderflow/local/system';

/** The health of a process while it was watched. */
export interface Vitals {
  readonly name: string;
  /** Resident memory in MiB: at the start, the maximum, and at the end. */
  readonly memoryMib: { readonly first: number; readonly max: number; readonly last: number };
  /** The highest delay of its event loop, in seconds. */
  readonly loopDelayMax: number;
  /** The longest time that one of its consumers had a paused partition, in seconds. */
  readonly pausedMax: number;
  /** It is still the same process, and runs. */
  readonly isAlive: boolean;
}

const LOOK_MS = 250;
const MIB = 1024 * 1024;

/** Watches processes through their own metrics. */
export function watchVitals(services: readonly Service[]): { stop(): Promise<Vitals[]> } {
  const over = new AbortController();
  const watches = services.map((service) => watchOne(service, over.signal));
  return {
    stop() {
      over.abort();
      return Promise.all(watches);
    },
  };
}

async function watchOne(service: Service, over: AbortSignal): Promise<Vitals> {
  const pid = service.pid();
  let memory: { first: number; max: number; last: number } | undefined;
  let loopDelayMax = 0;
  let pausedMax = 0;
  let pausedSince: number | undefined;
  let isFirst = true;

  async function sample(): Promise<void> {
    // A process that is too busy to report now will report afterwards.
    const metrics = await service.metrics().catch(() => undefined);
    if (metrics === undefined) return;
    const mib =
      sumOf(metrics, 'process_memory_usage_bytes') / MIB || sumOf(metrics, 'process_memory_usage') / MIB;
    memory = memory
      ? { ...memory, max: Math.max(memory.max, mib), last: mib }
      : { first: mib, max: mib, last: mib };
    // The first report covers the time before.
    if (!isFirst) loopDelayMax = Math.max(loopDelayMax, sumOf(metrics, 'nodejs_eventloop_delay_max'));
    isFirst = false;
    const now = performance.now();
    if (sumOf(metrics, 'orderflow_consumer_paused') === 0) pausedSince = undefined;
    else pausedSince ??= now;
    if (pausedSince !== undefined) pausedMax = Math.max(pausedMax, (now - pausedSince) / 1000);
  }

  while (!over.aborted) {
    await sample();
    await sleep(LOOK_MS, undefined, { signal: over }).catch(() => {});
  }
  await sample();
  if (memory === undefined) throw new Error(`${service.name} never reported`);
  const isAlive = service.isRunning() && service.pid() === pid;
  return { name: service.name, memoryMib: memory, loopDelayMax, pausedMax, isAlive };
}

/** Formats a line for each process. */
export function vitalsText(all: readonly Vitals[]): string {
  return all
    .map(({ name, memoryMib: { first, max, last }, loopDelayMax, pausedMax, isAlive }) =>
      [
        name.padEnd(22),
        `memory ${first.toFixed(0)} MiB, at most ${max.toFixed(0)}, now ${last.toFixed(0)}`,
        `event loop late ${(loopDelayMax * 1000).toFixed(0)} ms`,
        `paused ${pausedMax.toFixed(1)} s`,
        isAlive ? '' : 'NOT ALIVE',
      ].join('  '),
    )
    .join('\n');
}
