import { join } from 'node:path';
import { createStack, repositoryRoot, type Stack } from '@orderflow/devstack';
import { createSystem, type System } from '@orderflow/e2e/system';
import type { TestProcess } from '@orderflow/testing/process';
import { type Figure, report } from './report.ts';

/** What a benchmark works on. */
export interface Bench {
  readonly stack: Stack;
  /** Its processes are the benchmark's to start; they are stopped at the end. */
  readonly system: System;
  /** Processes that are killed at the end. */
  readonly running: TestProcess[];
  readonly say: (text: string) => void;
}

/** Measures on empty stores and a system of its own, reports, and stops everything. Answers whether all targets are met. */
export async function onFreshSystem(
  { name, title, env }: { name: string; title: string; env: Record<string, string> },
  measure: (bench: Bench) => Promise<Figure[]>,
): Promise<boolean> {
  const dir = join(repositoryRoot, '.orderflow/bench');
  const say = (text: string) => console.log(`  ${text}`);
  console.log(`\n${title}\n`);
  const stack = await createStack({ dir, ports: 'free' });
  const running: TestProcess[] = [];
  let system: System | undefined;
  try {
    say('starting the stores and the services');
    await stack.reset();
    await stack.up();
    system = await createSystem({ urls: stack.urls, ports: 'free', logDir: join(dir, 'logs'), env });
    return report(name, await measure({ stack, system, running, say }));
  } finally {
    await Promise.all(running.map((each) => each.kill()));
    await system?.stop();
    await stack.down();
  }
}
