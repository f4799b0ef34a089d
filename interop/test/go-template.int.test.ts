import { cpSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testStack } from '@orderflow/testing';
import { expect, test } from 'vitest';
import { root, run } from '../src/builds.ts';
import { buildGo, reasonToSkipGo } from '../src/go.ts';

const skipped = reasonToSkipGo();
if (skipped) console.warn(`Skipped: ${skipped}`);

const template = join(root, 'examples/go-enrichment');

test.skipIf(skipped !== undefined)(
  'the generated code of the template is that of the contracts',
  { timeout: 900_000 },
  async () => {
    const { generated } = await buildGo();
    const files = globSync('gen/**/*.go', { cwd: template }).map((file) => file.slice('gen/'.length));
    expect(files.length).toBeGreaterThan(5);
    for (const file of files) {
      const fresh = readFileSync(join(generated, file), 'utf8');
      expect(
        readFileSync(join(template, 'gen', file), 'utf8') === fresh,
        `${file} differs: \`go generate\` in examples/go-enrichment, as its README says`,
      ).toBe(true);
    }
  },
);

test.skipIf(skipped !== undefined)(
  'a copy of the template builds elsewhere, and its tests pass, none of them skipped',
  { timeout: 900_000 },
  async () => {
    const copy = mkdtempSync(join(tmpdir(), 'go-enrichment-'));
    try {
      cpSync(template, copy, { recursive: true });
      const { POSTGRES_URL, KAFKA_BROKERS } = testStack().urls;
      const go = (...args: string[]) =>
        run('go', args, { cwd: copy, env: { POSTGRES_URL, KAFKA_BROKERS, GOWORK: 'off' } });
      await go('vet', './...');
      const said = await go('test', '-v', './...');
      expect(said).not.toContain('--- SKIP');
      expect(said).toContain('--- PASS: TestTheWholeService');
      expect(await run('gofmt', ['-l', '.'], { cwd: copy })).toBe('');
    } finally {
      rmSync(copy, { recursive: true });
    }
  },
);
