import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks per second, the unit of CPU time in /proc. */
const ticksPerSecond = 100;

/** The fields of /proc/PID/stat from the third on; the second is a name with arbitrary characters. */
function statOf(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

/** The CPU seconds that a process has used so far, user and system. */
export function cpuSeconds(pid: number): number {
  const stat = statOf(pid);
  return stat === undefined ? 0 : (Number(stat[11]) + Number(stat[12])) / ticksPerSecond;
}

/** The CPU seconds of exited children that the process has waited for. */
function endedChildrenCpuSeconds(pid: number): number {
  const stat = statOf(pid);
  return stat === undefined ? 0 : (Number(stat[13]) + Number(stat[14])) / ticksPerSecond;
}

/** The ids of a process and its descendants. */
function processTree(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    const parent = /^\d+$/.test(name) ? statOf(Number(name))?.[1] : undefined;
    if (parent !== undefined) parents.set(Number(name), Number(parent));
  }
  const isBelow = (candidate: number): boolean => {
    for (let at: number | undefined = candidate; at !== undefined && at > 1; at = parents.get(at)) {
      if (at === pid) return true;
    }
    return false;
  };
  return [...parents.keys()].filter(isBelow);
}

/** The CPU seconds of a process and its descendants, including exited ones: connections of Postgres come and go. */
export function treeCpuSeconds(pid: number): number {
  return processTree(pid).reduce((sum, each) => sum + cpuSeconds(each) + endedChildrenCpuSeconds(each), 0);
}

/** How often threads have left their core: to wait (voluntary), or for another thread. */
export interface ContextSwitches {
  readonly voluntary: number;
  readonly involuntary: number;
}

/** What was last read of each thread, by the root of its tree. */
const switchesRead = new Map<number, Map<string, ContextSwitches>>();

/**
 * The context switches of a process and its descendants. A thread that has ended counts with what was last read of it:
 * nothing else keeps it, and without it a connection of Postgres that goes would make the sum smaller.
 */
export function treeContextSwitches(root: number): ContextSwitches {
  const read = switchesRead.get(root) ?? new Map<string, ContextSwitches>();
  switchesRead.set(root, read);
  for (const pid of processTree(root)) readContextSwitches(pid, read);
  const sum = { voluntary: 0, involuntary: 0 };
  for (const { voluntary, involuntary } of read.values()) {
    sum.voluntary += voluntary;
    sum.involuntary += involuntary;
  }
  return sum;
}

function readContextSwitches(pid: number, read: Map<string, ContextSwitches>): void {
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const status = readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8');
      read.set(thread, {
        voluntary: Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1]),
        involuntary: Number(/^nonvoluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1]),
      });
    }
  } catch {
    // It has ended meanwhile.
  }
}

/** The CPU seconds that the whole machine has used so far. */
export function machineCpuSeconds(): number {
  // cpu  user nice system idle iowait irq softirq steal …
  const [, user, nice, system, , , irq, softirq] = readFileSync('/proc/stat', 'utf8')
    .split(/\s+/)
    .map(Number);
  return (
    [user, nice, system, irq, softirq].reduce<number>((sum, ticks = 0) => sum + ticks, 0) / ticksPerSecond
  );
}

/** Resident memory of a process in MiB. */
export function residentMiB(pid: number): number {
  return mibOf('VmRSS', `/proc/${pid}/status`);
}

/**
 * Resident memory of a process in MiB, of which each page is divided by the number of processes that share it: nine
 * processes of Node have the program and its libraries in memory once.
 */
export function proportionalMiB(pid: number): number {
  return mibOf('Pss', `/proc/${pid}/smaps_rollup`);
}

function mibOf(field: string, file: string): number {
  try {
    const kib = new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(readFileSync(file, 'utf8'))?.[1];
    return Number(kib ?? 0) / 1024;
  } catch {
    return 0;
  }
}
