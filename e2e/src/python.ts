// Installs libraries of Python for programs that tests run.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '@orderflow/devstack';
import { startProcess } from '@orderflow/testing';
import { buildOnce } from './build-once.ts';

const missingPython =
  'Python is not installed (no `python3` of version 3.11 or newer with pip on PATH): on Debian, apt-get install python3-pip.';

/**
 * Why tests that need Python are skipped, or undefined when they run. In CI they always run: without Python they fail
 * there, so that a skipped suite is not taken for a passed one.
 */
export function reasonToSkipPython(): string | undefined {
  return process.env['CI'] || hasPython() ? undefined : missingPython;
}

function hasPython(): boolean {
  const isNew = 'import sys, pip; sys.exit(sys.version_info < (3, 11))';
  return spawnSync('python3', ['-c', isNew]).status === 0;
}

/**
 * Installs what a requirements file names, once for each content of the file and version of Python. Returns the folder
 * of the libraries, for PYTHONPATH. The file names everything that its libraries need: pip adds nothing to it.
 * @throws Error when Python is missing, or with pip's output when a library cannot be installed
 */
export async function installPython(requirements: string): Promise<string> {
  if (!hasPython()) throw new Error(missingPython);
  const { stdout: version } = spawnSync('python3', ['--version'], { encoding: 'utf8' });
  const name = createHash('sha256').update(readFileSync(requirements)).update(version).digest('hex');
  const target = join(repositoryRoot, '.orderflow/python', name.slice(0, 16));
  if (existsSync(target)) return target;
  console.log(`Installing ${requirements}; this is done once.`);
  await buildOnce(target, async (staging) => {
    const options = ['--quiet', '--no-deps', '--target', staging, '--requirement', requirements];
    const pip = startProcess({ command: 'python3', args: ['-m', 'pip', 'install', ...options] });
    if ((await pip.exited).code !== 0) {
      throw new Error(`${requirements} was not installed:\n${pip.output()}`);
    }
  });
  return target;
}
