import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readJson, writeJson } from './json-file.ts';
import type { PartName } from './part.ts';
import { ancestorsOf, isRunning, isSameProcess, type ProcessRef, processRef, terminate } from './process.ts';
import { repositoryRoot } from './repository.ts';
import { attachStack, type Stack, storeNames } from './stack.ts';

/** The input and the state of a stack's supervisor. */
export type Supervision = {
  owner: ProcessRef;
  parts: readonly PartName[];
  /** Whether parts are killed and restarted, see `StackOptions`. */
  shortLived: boolean;
};
export type SupervisorState = { supervisor: ProcessRef; outcome?: 'up' | { error: string } };

export const supervisionFile = (dir: string) => path.join(dir, 'supervision.json');
export const supervisorStateFile = (dir: string) => path.join(dir, 'supervisor.json');

const STACKS_DIR = path.join(repositoryRoot, '.orderflow');
const PREFIX = 'test-';

/**
 * The stack shared by all suites of one `pnpm -r test`, on its own ports and data. The first caller starts it. It is
 * removed, data included, within two seconds after that pnpm process has ended, however it ends; without pnpm above,
 * after the calling process.
 */
export async function acquireTestStack(): Promise<Stack> {
  const owner = processRef(findOwner());
  const dir = path.join(STACKS_DIR, `${PREFIX}${owner.pid}`);
  for (;;) {
    const existing = readJson<Supervision>(supervisionFile(dir));
    if (!existing || isSameProcess(existing.owner, owner)) break;
    // Left by an earlier process with the same id: it is being removed, or nothing is left to remove it.
    await sweepAbandonedStacks();
    await sleep(50);
  }
  return supervisedStack(dir, { owner, parts: storeNames, shortLived: false });
}

/** A stack of the calling process alone, removed when that process ends or when `release` is called. */
export async function privateTestStack(
  parts: readonly PartName[],
): Promise<{ stack: Stack; release(): Promise<void> }> {
  const owner = processRef(process.pid);
  const unique = `${process.pid}-${Math.random().toString(36).slice(2, 8)}`;
  const dir = path.join(STACKS_DIR, `${PREFIX}private-${unique}`);
  const stack = await supervisedStack(dir, { owner, parts, shortLived: true });
  return {
    stack,
    async release() {
      const state = readJson<SupervisorState>(supervisorStateFile(dir));
      if (state) await terminate(state.supervisor, 'SIGTERM', 10_000);
    },
  };
}

async function supervisedStack(dir: string, supervision: Supervision): Promise<Stack> {
  mkdirSync(STACKS_DIR, { recursive: true });
  if (makeDir(dir)) {
    writeJson(supervisionFile(dir), supervision);
    mkdirSync(path.join(dir, 'logs'));
    const log = openSync(path.join(dir, 'logs/supervisor.log'), 'a');
    const script = path.join(import.meta.dirname, 'supervisor.ts');
    spawn(process.execPath, [script, dir], { detached: true, stdio: ['ignore', log, log] }).unref();
    closeSync(log);
  }
  await waitUntilUp(dir);
  return attachStack({ dir, parts: supervision.parts });
}

/** Returns false when another process has created it already. */
function makeDir(dir: string): boolean {
  try {
    mkdirSync(dir);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function waitUntilUp(dir: string): Promise<void> {
  // Longer than a part, and a first download, may take.
  const deadline = Date.now() + 5 * 60_000;
  const logFile = path.join(dir, 'logs/supervisor.log');
  for (let shown = 0; ; await sleep(50)) {
    const log = readLog(logFile);
    process.stderr.write(log.slice(shown));
    shown = log.length;
    const state = readJson<SupervisorState>(supervisorStateFile(dir));
    if (state?.outcome === 'up') return;
    if (state?.outcome) throw new Error(`The test stack did not come up.\n${state.outcome.error}`);
    if (Date.now() > deadline || (state && !isRunning(state.supervisor))) {
      throw new Error(`The supervisor of the test stack in ${dir} has exited or hangs.\n${log}`);
    }
  }
}

function readLog(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** The nearest pnpm above this process, as a native binary or as a script of node; otherwise this process. */
function findOwner(): number {
  const pnpm = /^(\S*\/)?(node\S*\s+(-\S+\s+)*)?(\S*\/)?pnpm(\.[cm]?js)?(\s|$)/;
  return ancestorsOf(process.pid).find(({ args }) => pnpm.test(args))?.pid ?? process.pid;
}

/** Removes the stacks whose owner and supervisor were both killed. */
export async function sweepAbandonedStacks(): Promise<void> {
  for (const name of readdirSync(STACKS_DIR).filter((entry) => entry.startsWith(PREFIX))) {
    const dir = path.join(STACKS_DIR, name);
    const state = readJson<SupervisorState>(supervisorStateFile(dir));
    if (state ? isRunning(state.supervisor) : isYoung(dir)) continue;
    if (readJson(path.join(dir, 'stack.json'))) await attachStack({ dir, env: {} }).destroy();
    else rmSync(dir, { recursive: true, force: true });
  }
}

/** Its supervisor may just be starting. */
function isYoung(dir: string): boolean {
  const stats = statSync(dir, { throwIfNoEntry: false });
  return stats !== undefined && Date.now() - stats.ctimeMs < 60_000;
}
