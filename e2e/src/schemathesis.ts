// Runs schemathesis, which is written in Python, on the OpenAPI document of a server.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { repositoryRoot } from '@orderflow/devstack';
import { startProcess } from '@orderflow/testing';
import { buildOnce } from './build-once.ts';

/** Its requirements, its configuration with every exception, and hooks. */
const folder = join(repositoryRoot, 'e2e/schemathesis');
const requirements = join(folder, 'requirements.txt');
const missingPython =
  'Python is not installed (no `python3` of version 3.10 or newer with pip on PATH): on Debian, apt-get install python3-pip.';

/**
 * Why tests that need Python are skipped, or undefined when they run. In CI they always run: without Python they fail
 * there, so that a skipped suite is not taken for a passed one.
 */
export function reasonToSkipPython(): string | undefined {
  return process.env['CI'] || hasPython() ? undefined : missingPython;
}

function hasPython(): boolean {
  const isNew = 'import sys, pip; sys.exit(sys.version_info < (3, 10))';
  return spawnSync('python3', ['-c', isNew]).status === 0;
}

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
  const libraries = await install();
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

/** Installs it once, into a folder of its own for these requirements and this Python. */
async function install(): Promise<string> {
  if (!hasPython()) throw new Error(missingPython);
  const { stdout: version } = spawnSync('python3', ['--version'], { encoding: 'utf8' });
  const name = createHash('sha256')
    .update(readFileSync(requirements))
    .update(version)
    .digest('hex')
    .slice(0, 16);
  const target = join(repositoryRoot, '.orderflow/python', name);
  if (existsSync(target)) return target;
  console.log('Installing schemathesis; this is done once.');
  await buildOnce(target, async (staging) => {
    const pip = startProcess({
      command: 'python3',
      args: [
        '-m',
        'pip',
        'install',
        '--quiet',
        '--no-deps',
        '--target',
        staging,
        '--requirement',
        requirements,
      ],
    });
    if ((await pip.exited).code !== 0) throw new Error(`schemathesis was not installed:\n${pip.output()}`);
  });
  return target;
}
