import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { createStack, type Stack } from '../src/index.ts';
import { isRunning, processRef } from '../src/process.ts';

const devstack = path.join(import.meta.dirname, '../src/index.ts');
let folder: string;
let external: Stack;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'orderflow-supervisor-'));
  // Slow to start and of no interest here: substitutes that only have to respond.
  external = await createStack({
    dir: path.join(folder, 'external'),
    ports: 'free',
    parts: ['redis'],
    env: {},
  });
  await external.up();
});

afterAll(async () => {
  await external.destroy();
  await rm(folder, { recursive: true });
});

/** Runs a module; resolves to its first `lines` lines of JSON. It is killed when the test ends. */
async function run(file: string, source: string, lines: number) {
  const script = path.join(folder, file);
  await writeFile(script, source);
  const { REDIS_URL } = external.urls;
  const port = new URL(REDIS_URL).port;
  const child = spawn(process.execPath, [script], {
    env: { ...process.env, KAFKA_BROKERS: `127.0.0.1:${port}`, MONGO_URL: `mongodb://127.0.0.1:${port}` },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const output = createInterface({ input: child.stdout });
  const reports: { dir: string; pids: number[] }[] = [];
  for await (const line of output) {
    reports.push(JSON.parse(line));
    if (reports.length === lines) break;
  }
  return { child, reports };
}

const report = `
  const pids = Object.values(stack.parts).flatMap((part) => part.pid() ?? []);
  console.log(JSON.stringify({ dir: stack.dir, pids }));
  // Ends with its parent, as the suites of a killed pnpm do.
  process.stdin.resume().once('close', () => process.exit());
`;

async function expectGoneAfterKill(
  child: ReturnType<typeof spawn>,
  { dir, pids }: { dir: string; pids: number[] },
) {
  const processes = pids.map(processRef);
  expect(processes).toHaveLength(2);
  expect(existsSync(dir)).toBe(true);
  child.kill('SIGKILL');
  await once(child, 'exit');
  await vi.waitFor(
    () => {
      expect(processes.filter(isRunning)).toEqual([]);
      expect(existsSync(dir)).toBe(false);
    },
    { timeout: 2_000 },
  );
}

it('removes a private stack within two seconds after its owner was killed', async () => {
  const source = `
    import { privateTestStack } from '${devstack}';
    const { stack } = await privateTestStack(['redis', 'postgres']);
    ${report}`;
  const { child, reports } = await run('private.mjs', source, 1);
  await expectGoneAfterKill(child, reports[0] ?? { dir: '', pids: [] });
});

it('shares one stack among all that a pnpm process runs, and removes it when pnpm is killed', async () => {
  await writeFile(
    path.join(folder, 'suite.mjs'),
    `import { acquireTestStack } from '${devstack}';
     const stack = await acquireTestStack();
     ${report}`,
  );
  const source = `
    import { spawn } from 'node:child_process';
    for (const n of [1, 2]) {
      spawn('sh', ['-c', '"$0" "$1"; true', process.execPath, '${path.join(folder, 'suite.mjs')}'], { stdio: ['pipe', 'inherit', 'inherit'] });
    }`;
  const [one, other] = await Promise.all([
    run('pnpm.mjs', source, 2),
    run('pnpm.cjs', toCommonJs(source), 2),
  ]);
  const [first, second] = one.reports;
  expect(first).toEqual(second);
  expect(other.reports[0]?.dir).not.toBe(first?.dir);
  await expectGoneAfterKill(one.child, first ?? { dir: '', pids: [] });
  expect(other.reports[0]?.pids.map(processRef).every(isRunning)).toBe(true);
  await expectGoneAfterKill(other.child, other.reports[0] ?? { dir: '', pids: [] });
});

function toCommonJs(source: string): string {
  return source.replace(/import \{ (\w+) \} from '([^']+)';/, "const { $1 } = require('$2');");
}
