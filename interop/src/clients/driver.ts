import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Call, Client, Ending } from './client.ts';

type Answer = { readonly id: number } & (Ending | { readonly broken: string });

/** Longer than any call takes on a busy machine. */
const MAX_MS = 60_000;

/**
 * Starts a client that is a program in another language. It reads one call per line, as JSON with an `id`, and writes
 * one ending per line, with the same `id`, in any order. The end of its input ends it.
 */
export function startDriver(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Client {
  const child: ChildProcess = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const waiting = new Map<number, { resolve: (answer: Answer) => void; reject: (error: Error) => void }>();
  let lastId = 0;
  const fail = (error: Error) => {
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  const exited = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      fail(error);
      resolve();
    });
    child.once('exit', (code, signal) => {
      fail(new Error(`${command} ${args.join(' ')} has exited: ${code ?? signal}`));
      resolve();
    });
  });
  child.stdin?.on('error', () => {}); // The exit says it.
  if (child.stdout) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const answer = answerIn(line);
      const call = answer && waiting.get(answer.id);
      if (answer === undefined || call === undefined) {
        fail(new Error(`${command} ${args.join(' ')} has written what answers no call: ${line}`));
        return;
      }
      call.resolve(answer);
      waiting.delete(answer.id);
    });
  }
  return {
    async call(call: Call) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${command} has exited`);
      lastId += 1;
      const id = lastId;
      const late = AbortSignal.timeout(MAX_MS);
      const answer = await new Promise<Answer>((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        late.addEventListener('abort', () =>
          reject(new Error(`${command} did not answer within ${MAX_MS} ms`)),
        );
        child.stdin?.write(`${JSON.stringify({ id, ...call })}\n`);
      });
      if ('broken' in answer) throw new Error(`${command} ${args.join(' ')} is broken: ${answer.broken}`);
      return answer;
    },
    async stop() {
      child.stdin?.end();
      const killer = setTimeout(() => child.kill('SIGKILL'), 5_000);
      await exited;
      clearTimeout(killer);
    },
  };
}

function answerIn(line: string): Answer | undefined {
  try {
    return (JSON.parse(line) as Answer | null) ?? undefined;
  } catch {
    return undefined;
  }
}
