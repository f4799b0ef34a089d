import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A program under test, in a process group of its own. */
export interface TestProcess extends AsyncDisposable {
  readonly pid: number;
  /** Resolves when it has ended, however it ended. */
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  hasEnded(): boolean;
  /** Its output so far, both streams interleaved. */
  output(): string;
  /** Resolves to the first line that matches; rejects when it ends before that, or after `timeoutMs` (30,000). */
  waitForLine(pattern: RegExp, options?: { timeoutMs?: number }): Promise<string>;
  /** SIGKILL for the group; resolves when the process is gone. */
  kill(): Promise<void>;
  /** SIGTERM, and SIGKILL after `graceMs` (10,000); resolves to how it ended. */
  stop(options?: { graceMs?: number }): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** SIGSTOP for the group. */
  freeze(): void;
  thaw(): void;
}

/** Starts a program. It is killed when this process ends, even if this process is killed. */
export function startProcess({
  command,
  args = [],
  env,
  cwd,
  logFile,
}: {
  command: string;
  args?: readonly string[];
  /** In addition to this process' own. */
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Gets a copy of the output. */
  logFile?: string;
}): TestProcess {
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, detached: true, stdio: 'pipe' });
  const { pid } = child;
  if (pid === undefined) {
    child.on('error', () => {});
    throw new Error(
      `${command} cannot be run: is it installed, and does ${cwd ?? 'the working folder'} exist?`,
    );
  }

  // Its input is a pipe held by this process: when this process ends, even by SIGKILL, the input ends.
  const guard = spawn('sh', ['-c', 'read -r _; kill -9 -"$1"', 'guard', String(pid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  guard.unref();

  let output = '';
  const log = logFile === undefined ? undefined : createWriteStream(logFile, { flags: 'a' });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => {
      output += chunk;
      log?.write(chunk);
    });
  }
  let ended = false;
  const exited: TestProcess['exited'] = new Promise((resolve) => {
    child.once('close', (code, signal) => {
      ended = true;
      guard.kill('SIGKILL');
      log?.end();
      resolve({ code, signal });
    });
  });

  function signalGroup(name: NodeJS.Signals): void {
    try {
      if (!ended) process.kill(-Number(pid), name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  async function kill(): Promise<void> {
    signalGroup('SIGKILL');
    await exited;
  }

  return {
    pid,
    exited,
    hasEnded: () => ended,
    output: () => output,
    async waitForLine(pattern, { timeoutMs = 30_000 } = {}) {
      const deadline = Date.now() + timeoutMs;
      for (;;) {
        const lines = output.split('\n');
        const found = lines.find((line) => pattern.test(line));
        if (found !== undefined) return found;
        const problem = ended ? 'it ended' : Date.now() > deadline ? `${timeoutMs} ms passed` : undefined;
        if (problem) {
          const tail = lines.slice(-20).join('\n');
          throw new Error(
            `${command} ${args.join(' ')}: ${problem} without a line ${pattern}. Last output:\n${tail}`,
          );
        }
        await sleep(20);
      }
    },
    kill,
    async stop({ graceMs = 10_000 } = {}) {
      signalGroup('SIGTERM');
      signalGroup('SIGCONT');
      const timer = setTimeout(() => signalGroup('SIGKILL'), graceMs);
      try {
        return await exited;
      } finally {
        clearTimeout(timer);
      }
    },
    freeze: () => signalGroup('SIGSTOP'),
    thaw: () => signalGroup('SIGCONT'),
    [Symbol.asyncDispose]: kill,
  };
}
