import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { root, run } from '../src/builds.ts';
import { changed, contractChanges, exportedDescriptors } from '../src/contract-changes.ts';

describe('what pnpm check says about a change of the contracts', () => {
  let folder: string;
  let today: string;
  let descriptors: Uint8Array;
  const bin = join(root, 'node_modules/.bin');

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'orderflow-changes-'));
    today = join(folder, 'today.binpb');
    descriptors = await exportedDescriptors();
    await writeFile(today, descriptors);
  });

  afterAll(() => rm(folder, { recursive: true }));

  /** What `buf breaking` prints with the rules of buf.yaml: nothing for a change that is accepted. */
  async function problemsOf(name: string, contract: Uint8Array): Promise<string> {
    const tomorrow = join(folder, `${name.replace(/\W/g, '-')}.binpb`);
    await writeFile(tomorrow, contract);
    const args = ['breaking', tomorrow, '--against', today, '--config', 'buf.yaml'];
    return run(join(bin, 'buf'), args, { cwd: root }).catch((error: { code: number; stdout: string }) => {
      // 100: there are problems, which it has printed. Anything else is no verdict.
      if (error.code === 100) return error.stdout;
      throw error;
    });
  }

  test.for(contractChanges)('$name: accepted is $isAccepted', async (change) => {
    const problems = await problemsOf(
      change.name,
      toBinary(FileDescriptorSetSchema, changed(descriptors, [change])),
    );
    if (change.isAccepted) expect(problems).toBe('');
    else expect(problems).toMatch(/Previously|changed|deleted/);
  });

  test('the table in docs/contract-changes.md has each of them, with the same verdict', async () => {
    const document = await readFile(join(root, 'docs/contract-changes.md'), 'utf8');
    const rows = [...document.matchAll(/^\| (?<name>[^|]+?) \| [^|]+ \| (?<verdict>accepted|refused) \|$/gm)];
    expect(rows.map(({ groups }) => [groups?.['name'], groups?.['verdict']])).toEqual(
      contractChanges.map(({ name, isAccepted }) => [name, isAccepted ? 'accepted' : 'refused']),
    );
  });
});
