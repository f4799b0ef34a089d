import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { startProcess } from '@orderflow/testing/process';
import { root } from './builds.ts';

/**
 * Runs test files of `e2e` in a process of their own, and returns what vitest prints.
 * @throws Error with the output when a test fails.
 */
export async function runE2e(options: {
  /** The configuration of the suite, in `e2e`. */
  readonly config: string;
  /** Parts of the paths of the files. */
  readonly files: readonly string[];
  /** A pattern of the names of tests; absent: all. */
  readonly only?: string;
  readonly env: Readonly<Record<string, string>>;
}): Promise<string> {
  const { config, files, only, env } = options;
  await using run = startProcess({
    command: join(root, 'e2e/node_modules/.bin/vitest'),
    args: ['run', '--config', config, ...files, ...(only === undefined ? [] : ['-t', only])],
    cwd: join(root, 'e2e'),
    // Its results are not those of the suite itself.
    env: { ...env, TEST_RESULTS_DIR: '' },
  });
  const { code } = await run.exited;
  const output = stripVTControlCharacters(run.output());
  if (code !== 0) throw new Error(`${files.join(', ')} failed:\n${output.slice(-8_000)}`);
  return output;
}
