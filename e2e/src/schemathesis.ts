// Runs schemathesis, which is written in Python, on the OpenAPI document of a server.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { repositoryRoot } from '@orderflow/devstack';
import { startProcess } from '@orderflow/testing';
import { installPython } from './python.ts';

/** Its requirements, its configuration with every exception, and hooks. */
const folder = join(repositoryRoot, 'e2e/schemathesis');

/** How a run ended. */
export interface SchemathesisRun {
  /** The number of requests that were made up and sent. */
  readonly cases: number;
  /** Whether all responses were as the document says. */
  readonly isClean: boolean;
  /** What it printed: each failure with a line to repeat it. */
  readonly text: string;
}

/**
 * Sends requests that are made up from the document, valid and invalid, and compares every response with it.
 * `maxExamples`: for each operation and phase; `phases`: how requests are made up.
 * @throws Error when Python is missing, or schemathesis cannot be installed
 */
export async function runSchemathesis(options: {
  readonly url: string;
  readonly seed: number;
  readonly maxExamples: number;
  readonly phases: readonly ('examples' | 'coverage' | 'fuzzing' | 'stateful')[];
}): Promise<SchemathesisRun> {
  const { url, seed, maxExamples, phases } = options;
  const libraries = await installPython(join(folder, 'requirements.txt'));
  const work = join(repositoryRoot, '.orderflow/schemathesis');
  await mkdir(work, { recursive: true });
  const process = startProcess({
    command: 'python3',
    args: [
      ...['-c', 'from schemathesis.cli import schemathesis; schemathesis()'],
      ...['--config-file', join(folder, 'schemathesis.toml'), 'run', `${url}/openapi.json`],
      ...['--seed', String(seed), '--max-examples', String(maxExamples), '--phases', phases.join(',')],
      ...['--continue-on-failure', '--no-color', '--output-truncate', 'false'],
    ],
    env: { PYTHONPATH: [libraries, folder].join(':'), SCHEMATHESIS_HOOKS: 'hooks' },
    // It leaves its notes there.
    cwd: work,
  });
  const { code } = await process.exited;
  const text = process.output();
  return { cases: Number(/(\d+) generated/.exec(text)?.[1] ?? 0), isClean: code === 0, text };
}
