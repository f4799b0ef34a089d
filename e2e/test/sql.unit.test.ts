import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '@orderflow/devstack';
import { expect, test } from 'vitest';

/** Sorts by one of these are no sorts of ids. */
const numbers = new Set(['position', 'number', 'sequence', 'revision', 'hash']);

/** What is sorted by in SQL of these sources that also takes its rows from parameters. */
function sortsOfParameters(): { readonly file: string; readonly sort: string }[] {
  const files = globSync('{packages,services}/*/src/**/*.ts', { cwd: repositoryRoot });
  return files.flatMap((file) => {
    const statements = readFileSync(join(repositoryRoot, file), 'utf8').match(/`[^`]*`/g) ?? [];
    return statements
      .filter((sql) => /from\s+unnest\(/.test(sql))
      .flatMap((sql) => [...sql.matchAll(/order by ([^\n`)]+)/g)])
      .flatMap(([, sorts = '']) => sorts.split(',').map((sort) => ({ file, sort: sort.trim() })));
  });
}

test('ids in parameters, which belong to no column, are sorted as the columns of ids are: by their bytes', () => {
  const sorts = sortsOfParameters().filter(({ sort }) => !numbers.has(sort));
  expect(sorts.length).toBeGreaterThan(6);
  expect(sorts.filter(({ sort }) => !sort.endsWith('collate "C"'))).toEqual([]);
});
