import { join } from 'node:path';
import type { Stack } from '@orderflow/devstack';
import { startProcess, type TestProcess } from '@orderflow/testing/process';

/** Starts a program of `programs/` on the stores of `stack`, if it needs any, and adds it to `running`. */
export function startProgram(
  { stack, running }: { readonly stack?: Stack; readonly running: TestProcess[] },
  name: string,
  ...args: string[]
): TestProcess {
  const started = startProcess({
    command: process.execPath,
    args: [join(import.meta.dirname, 'programs', `${name}.ts`), ...args],
    env: { ...stack?.urls },
  });
  running.push(started);
  return started;
}

/** Waits for the final output of a program; throws when it fails. */
export async function resultOf(started: TestProcess): Promise<unknown> {
  const { code } = await started.exited;
  if (code !== 0) throw new Error(`a program has failed:\n${started.output()}`);
  return JSON.parse(started.output());
}
