import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import type { Call } from './client.ts';

/** What a command has written, and how it has ended. */
export interface CommandResult {
  readonly stdout: Buffer;
  readonly stderr: string;
  /** The exit code; null when the call was cancelled. */
  readonly exitCode: number | null;
}

/** Longer than any call takes on a busy machine. */
const MAX_MS = 60_000;

/**
 * Runs a command that makes one call. The call is cancelled by SIGINT, as Ctrl-C does, once `countMessages` of the
 * standard output is what the call says, or its time is over.
 */
export async function runCommand(
  command: string,
  args: readonly string[],
  options: {
    readonly input?: string | Buffer;
    readonly call?: Call;
    readonly countMessages?: (stdout: Buffer) => number;
  } = {},
): Promise<CommandResult> {
  const { call, countMessages, input } = options;
  // In a group of its own: some commands are scripts that start another program.
  const child = spawn(command, args, { stdio: 'pipe', detached: true });
  const end = (signal: 'SIGINT' | 'SIGKILL') => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
      process.kill(-child.pid, signal);
  };
  let isLate = false;
  const limit = setTimeout(() => {
    isLate = true;
    end('SIGKILL');
  }, MAX_MS);
  let isCancelled = false;
  const cancel = () => {
    isCancelled = true;
    end('SIGINT');
  };
  const timer = call?.cancelAfterMs === undefined ? undefined : setTimeout(cancel, call.cancelAfterMs);
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    const wanted = call?.cancelAfterMessages;
    if (wanted !== undefined && !isCancelled && (countMessages?.(Buffer.concat(chunks)) ?? 0) >= wanted)
      cancel();
  });
  // A command that has ended does not read what is left of its input.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const stderr = text(child.stderr);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  clearTimeout(timer);
  clearTimeout(limit);
  if (isLate) throw new Error(`${command} ${args.join(' ')} did not end within ${MAX_MS} ms`);
  return { stdout: Buffer.concat(chunks), stderr: await stderr, exitCode: isCancelled ? null : code };
}

/** The options of a command that set headers. */
export function headerOptions(headers: Call['headers']): string[] {
  return Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
}
