import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

/** A process that can be recognized later: its id and its start time, as `ps` reports it (ids are reused). */
export type ProcessRef = { pid: number; startedAt: string };

type ProcessRow = { pid: number; ppid: number; zombie: boolean; startedAt: string; args: string };

const ROW = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(\S+\s+\S+\s+\d+\s+[\d:]+\s+\d+)\s+(.*)$/;

// `ps` computes start times from the clock and may be a second off from call to call.
const START_TOLERANCE_MS = 2_000;

/** Every process, or only `pids`; those that do not exist are left out. */
function listProcesses(pids?: readonly number[]): ProcessRow[] {
  if (pids?.length === 0) return [];
  const selection = pids === undefined ? ['-A'] : ['-p', pids.join(',')];
  let output: string;
  try {
    output = execFileSync('ps', [...selection, '-ww', '-o', 'pid=,ppid=,stat=,lstart=,args='], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C' },
      maxBuffer: 64 * 1024 * 1024,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch (error) {
    // ps exits with 1 when none of the processes exists.
    if (pids !== undefined && (error as { status?: number }).status === 1) return [];
    throw error;
  }
  return output.split('\n').flatMap((line) => {
    const match = ROW.exec(line);
    if (!match) return [];
    const [, pid = '', ppid = '', stat = '', startedAt = '', args = ''] = match;
    return [{ pid: Number(pid), ppid: Number(ppid), zombie: stat.startsWith('Z'), startedAt, args }];
  });
}

/** A reference to a running process; throws when there is none with this id. */
export function processRef(pid: number): ProcessRef {
  const [row] = listProcesses([pid]);
  if (!row) throw new Error(`There is no process ${pid}`);
  return { pid, startedAt: row.startedAt };
}

/** Whether exactly this process still runs (a zombie does not). */
export function isRunning(ref: ProcessRef): boolean {
  const [row] = listProcesses([ref.pid]);
  return row !== undefined && !row.zombie && isSameProcess(row, ref);
}

/** Whether both mean one process, and not two that had the same id one after the other. */
export function isSameProcess(a: ProcessRef, b: ProcessRef): boolean {
  return a.pid === b.pid && Math.abs(Date.parse(a.startedAt) - Date.parse(b.startedAt)) <= START_TOLERANCE_MS;
}

/** The ancestors of a process, nearest first, each with its command line. */
export function ancestorsOf(pid: number): { pid: number; args: string }[] {
  const rows = new Map(listProcesses().map((row) => [row.pid, row]));
  const ancestors: ProcessRow[] = [];
  for (let row = rows.get(rows.get(pid)?.ppid ?? 0); row; row = rows.get(row.ppid)) ancestors.push(row);
  return ancestors;
}

/** The process and all its descendants, parents first. Children may be in their own process groups. */
function treeOf(pid: number): number[] {
  const rows = listProcesses();
  const tree = [pid];
  for (const parent of tree) {
    tree.push(...rows.filter((row) => row.ppid === parent && !row.zombie).map((row) => row.pid));
  }
  return tree;
}

function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

/** Stops a process and its descendants with SIGSTOP, parents first so that nothing new is forked meanwhile. */
export function freezeTree(pid: number): void {
  signal([pid], 'SIGSTOP');
  signal(treeOf(pid), 'SIGSTOP');
}

/** Resumes what `freezeTree` stopped. */
export function thawTree(pid: number): void {
  signal(treeOf(pid).reverse(), 'SIGCONT');
}

/** Kills a process and its descendants with SIGKILL; resolves when all of them have exited. */
export async function killTree(pid: number): Promise<void> {
  signal([pid], 'SIGSTOP');
  await killAll(treeOf(pid));
}

async function killAll(pids: readonly number[]): Promise<void> {
  signal(pids, 'SIGKILL');
  while (listProcesses(pids).some((row) => !row.zombie)) await sleep(10);
}

/** Kills the descendants of this process. */
export async function killDescendants(): Promise<void> {
  await killAll(treeOf(process.pid).slice(1));
}

/** Sends SIGTERM and waits; resolves to false when the process still runs after `timeoutMs`. */
export async function terminate(ref: ProcessRef, name: NodeJS.Signals, timeoutMs: number): Promise<boolean> {
  signal([ref.pid], name);
  thawTree(ref.pid);
  const deadline = Date.now() + timeoutMs;
  while (isRunning(ref)) {
    if (Date.now() > deadline) return false;
    await sleep(50);
  }
  return true;
}
