// What the builds of all languages have in common.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { buildOnce } from '@orderflow/e2e/build-once';

export const root = fileURLToPath(new URL('../..', import.meta.url));
export const interop = join(root, 'interop');
/** The folder of builds; not committed. */
export const output = join(interop, '.orderflow');

/** The sources of what `exportContracts` writes; tools/proto.ts contains the version of the imported protos. */
export const contractSources = ['proto/**/*.proto', 'tools/proto.ts'];

/**
 * Builds once for each content of `sources`, globs in the repository, and removes the builds of earlier contents.
 * Returns the folder that `build` has filled. May run in several processes at once.
 */
export async function buildOf(
  name: string,
  sources: readonly string[],
  build: (staging: string) => Promise<void>,
): Promise<string> {
  const hash = createHash('sha256');
  for (const file of globSync(sources, { cwd: root, exclude: ['**/node_modules/**'] }).sort()) {
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(root, file)))
      .update('\0');
  }
  const target = join(output, 'builds', name, hash.digest('hex').slice(0, 16));
  if (existsSync(target)) return target;
  await buildOnce(target, build);
  for (const other of await readdir(dirname(target))) {
    if (join(dirname(target), other) !== target && !other.startsWith('staging-')) {
      await rm(join(dirname(target), other), { recursive: true, force: true });
    }
  }
  return target;
}

/** Writes the protos with all imports, and a descriptor set, into a folder: `pnpm proto export FOLDER`. */
export async function exportContracts(folder: string): Promise<void> {
  await run(process.execPath, ['tools/proto.ts', 'export', folder], { path: withTools(process.env['PATH']) });
}

/** A PATH with the tools of the workspace, such as buf, before another. */
export function withTools(path: string | undefined): string {
  return `${join(root, 'node_modules/.bin')}:${path}`;
}

/**
 * Runs a command, by default in the folder of the repository, without blocking the event loop; resolves to its standard
 * output, and rejects with what it said.
 */
export async function run(
  command: string,
  args: readonly string[],
  {
    cwd = root,
    path = process.env['PATH'],
    env,
  }: { cwd?: string; path?: string | undefined; env?: Record<string, string> } = {},
): Promise<string> {
  const { stdout } = await promisify(execFile)(command, args, {
    cwd,
    env: { ...process.env, PATH: path, ...env },
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
}
