import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** A Node process running one of test/processes, its output collected. */
export interface Spawned {
  readonly child: ChildProcess;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves once stdout has the text; rejects when the process ends without it. */
  printed(text: string): Promise<void>;
  /** How the process ended. */
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

export function run(file: string, args: string[] = [], env: Record<string, string> = {}): Spawned {
  const path = new URL(`./processes/${file}`, import.meta.url).pathname;
  const child = spawn(process.execPath, [path, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal }));
  return {
    child,
    stdout: () => stdout,
    stderr: () => stderr,
    ended,
    printed: (text) =>
      new Promise((resolve, reject) => {
        const check = () => stdout.includes(text) && resolve();
        child.stdout.on('data', check);
        void ended.then(() => reject(new Error(`ended without printing "${text}":\n${stdout}${stderr}`)));
        check();
      }),
  };
}
