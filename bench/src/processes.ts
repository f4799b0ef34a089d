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

/** The CPU seconds of a process and its descendants, including exited ones: connections of Postgres come and go. */
export function treeCpuSeconds(pid: number): number {
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
  return [...parents.keys()]
    .filter(isBelow)
    .reduce((sum, each) => sum + cpuSeconds(each) + endedChildrenCpuSeconds(each), 0);
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
  try {
    const kib = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return Number(kib ?? 0) / 1024;
  } catch {
    return 0;
  }
}
