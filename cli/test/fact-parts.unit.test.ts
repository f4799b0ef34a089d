import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openFactParts } from '../src/check/fact-parts.ts';

/** Gives this process temporary files of its own: other processes write to the system's folder at the same time. */
function ownTemporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'fact-parts-test-'));
  vi.stubEnv('TMPDIR', folder);
  onTestFinished(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });
  return folder;
}

test('returns every fact once, those of an order together and in their order, and leaves no file', () => {
  const folder = ownTemporaryFolder();
  {
    using facts = openFactParts<{ id: string; n: number; bytes: Buffer; time: Date }>(7);
    const ids = Array.from({ length: 100 }, (_, index) => `o-${index}`);
    const time = new Date();
    // Enough for some to be written before the parts are asked for.
    for (let n = 0; n < 30; n++) {
      for (const id of ids) facts.add(id, { id, n, bytes: Buffer.alloc(100, n), time });
    }
    facts.add(undefined, { id: '', n: 0, bytes: Buffer.alloc(0), time });
    const parts = [...facts.parts()];
    expect(readdirSync(folder)).toHaveLength(1);
    expect(parts).toHaveLength(7);
    const found = parts.flat();
    expect(found).toHaveLength(3_001);
    for (const id of ids) {
      const own = found.filter((fact) => fact.id === id);
      expect(own.map(({ n }) => n)).toEqual(Array.from({ length: 30 }, (_, n) => n));
      expect(parts.filter((part) => part.some((fact) => fact.id === id))).toHaveLength(1);
      expect(own[29]).toEqual({ id, n: 29, bytes: Buffer.alloc(100, 29), time });
    }
  }
  expect(readdirSync(folder)).toEqual([]);
});
