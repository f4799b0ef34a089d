import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createStack, repositoryRoot, type Stack } from '@orderflow/devstack';
import { createSystem, type System } from '@orderflow/local/system';
import type { TestProcess } from '@orderflow/testing/process';

/** The context of a benchmark. */
export interface Bench {
  readonly stack: Stack;
  /** The benchmark starts its processes; they are stopped at the end. */
  readonly system: System;
  /** Processes that are killed at the end. */
  readonly running: TestProcess[];
  readonly say: (text: string) => void;
}

/** Runs a benchmark on empty stores and a new system, stops everything, and returns what was measured. */
export async function onFreshSystem<Measured>(
  { title, env }: { title: string; env: Record<string, string> },
  measure: (bench: Bench) => Promise<Measured>,
): Promise<Measured> {
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
    return await measure({ stack, system, running, say });
  } finally {
    await Promise.all(running.map((each) => each.kill()));
    await system?.stop();
    await stack.down();
  }
}

/**
 * Creates another system on the same stores and with the same enrichment API, with this prefix for its topics and
 * databases. Nothing is started.
 */
export async function createSystemBeside(
  { stack, system }: Bench,
  prefix: string,
  env: Record<string, string> = {},
): Promise<System> {
  const logDir = join(stack.dir, 'logs', prefix);
  await mkdir(logDir, { recursive: true });
  const { url } = system.services['enrichment-stub'];
  return createSystem({
    urls: stack.urls,
    ports: 'free',
    logDir,
    env: {
      TOPIC_PREFIX: prefix,
      DATABASE_PREFIX: prefix,
      CUSTOMER_API_URL: url,
      PRODUCT_API_URL: url,
      LOG_LEVEL: 'warn',
      ...env,
    },
  });
}
