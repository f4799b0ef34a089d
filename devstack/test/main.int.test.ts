import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, it } from 'vitest';

it.each([{ args: [] }, { args: ['start'] }, { args: ['--help'] }])(
  'prints its usage for $args and exits with 2',
  ({ args }) => {
    const main = path.join(import.meta.dirname, '../src/main.ts');
    const { status, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });
    expect(stderr).toMatch(/^Usage: pnpm stack <command>/);
    expect(status).toBe(2);
  },
);
