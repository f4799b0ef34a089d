import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { eventually, startProcess } from '../src/index.ts';

function start(script: string, options: { logFile?: string } = {}) {
  const started = startProcess({ command: process.execPath, args: ['-e', script], ...options });
  onTestFinished(() => started.kill());
  return started;
}

const TICKING = "let n = 0; setInterval(() => console.log('tick ' + n++), 10)";

/** Whether it has ended, reaped or not. */
function isGone(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
  return stdout.trim() === '' || stdout.startsWith('Z');
}

it('finds a line of the output, and copies the output to a file', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'orderflow-process-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const logFile = path.join(folder, 'log');
  const program = start("console.log('listening on 8001'); console.error('warned')", { logFile });
  expect(await program.waitForLine(/listening on \d+/)).toBe('listening on 8001');
  expect(await program.exited).toEqual({ code: 0, signal: null });
  expect(program.output()).toContain('warned');
  await eventually(() => expect(readFileSync(logFile, 'utf8')).toBe(program.output()));
});

it('says what was printed when the line does not come', async () => {
  const program = start("console.log('sorry'); process.exitCode = 3");
  await expect(program.waitForLine(/ready/)).rejects.toThrow(/it ended without a line \/ready\/.*sorry/s);
  expect(await program.exited).toEqual({ code: 3, signal: null });
});

it('asks to stop, and kills what does not listen', async () => {
  const polite = start(
    "process.on('SIGTERM', () => process.exit(7)); console.log('up'); setInterval(() => {}, 1e3)",
  );
  await polite.waitForLine(/up/);
  expect(await polite.stop()).toEqual({ code: 7, signal: null });

  const deaf = start("process.on('SIGTERM', () => {}); console.log('up'); setInterval(() => {}, 1e3)");
  await deaf.waitForLine(/up/);
  expect(await deaf.stop({ graceMs: 100 })).toEqual({ code: null, signal: 'SIGKILL' });
});

it('freezes and thaws', async () => {
  const program = start(TICKING);
  await program.waitForLine(/tick/);
  program.freeze();
  // What was on its way when it was frozen has arrived once a process started later has spoken.
  await start("console.log('later')").waitForLine(/later/);
  const frozen = program.output();
  await start("console.log('later')").waitForLine(/later/);
  expect(program.output()).toBe(frozen);
  program.thaw();
  await eventually(() => expect(program.output().length).toBeGreaterThan(frozen.length));
});

it('is killed when the process that started it is killed', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'orderflow-process-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const script = path.join(folder, 'parent.mjs');
  const module = path.join(import.meta.dirname, '../src/process.ts');
  await writeFile(
    script,
    `import { startProcess } from '${module}';
     const child = startProcess({ command: process.execPath, args: ['-e', ${JSON.stringify(TICKING)}] });
     await child.waitForLine(/tick/);
     console.log('child ' + child.pid);`,
  );
  const parent = startProcess({ command: process.execPath, args: [script] });
  const childPid = Number((await parent.waitForLine(/^child \d+$/)).split(' ')[1]);
  expect(isGone(childPid)).toBe(false);
  await parent.kill();
  await eventually(() => isGone(childPid), { timeoutMs: 2_000 });
});

it('says when a program cannot be run', () => {
  expect(() => startProcess({ command: 'no-such-program' })).toThrow('no-such-program cannot be run');
});
