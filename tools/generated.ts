import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './run.ts';

/**
 * Writes generated files, by their paths below the repository's root; with `--check` in the command line it only
 * compares them. Prints the problems that were found, also in the files, and sets the exit code when there is one.
 */
export function finish(files: ReadonlyMap<string, string>, problems: readonly string[]): void {
  const isCheck = process.argv.includes('--check');
  const differing = [...files].filter(
    ([file, text]) => !existsSync(join(root, file)) || readFileSync(join(root, file), 'utf8') !== text,
  );
  if (!isCheck) for (const [file, text] of differing) writeFileSync(join(root, file), text);
  const all = [
    ...problems,
    ...(isCheck ? differing.map(([file]) => `${file} does not match the contracts`) : []),
  ];
  if (all.length === 0) return;
  console.error(all.join('\n'));
  process.exitCode = 1;
}
