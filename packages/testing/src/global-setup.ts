/** A vitest globalSetup: every package of one `pnpm -r test` shares one stack, which outlives this suite. */
import { acquireTestStack } from '@orderflow/devstack';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** The folder of the shared test stack. */
    stackDir: string;
  }
}

export async function setup(project: TestProject): Promise<void> {
  const { dir } = await acquireTestStack();
  project.provide('stackDir', dir);
}
