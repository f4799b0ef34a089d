import { join } from 'node:path';
import { createStack, repositoryRoot, type Stack } from '@orderflow/devstack';
import { createSystem, type System } from '@orderflow/local/system';
import type { TestProcess } from '@orderflow/testing/process';
import { type Figure, report } from './report.ts';

/** The context of a benchmark. */
export interface Bench {
  readonly stack: Stack;
  /** The benchmark starts its processes; they are stopped at the end. */
  readonly system: System;
  /** Processes that are killed at the end. */
  readonly running: TestProcess[];
  readonly say: (text: string) => void;
}

/**
 * Runs a benchmark on empty stores and a new system, reports, and stops everything. Returns whether all targets are
 * met.
 */
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
