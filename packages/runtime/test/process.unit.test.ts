import { expect, test } from 'vitest';
import { run } from './spawn.ts';

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s stops the components in reverse order and exits with 0',
  async (signal) => {
    const process = run('run.ts', ['works']);
    await process.printed('test: started');
    process.child.kill(signal);
    expect(await process.ended).toEqual({ code: 0, signal: null });
    expect(process.stdout()).toMatch(/worker stopped\n.*database stopped while draining\n/s);
  },
);

test('a process that may collect garbage does so once it has started', async () => {
  const hook = 'globalThis.gc = () => process.stdout.write("collected")';
  const env = { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(hook)}` };
  const process = run('run.ts', ['works'], env);
  await process.printed('collected');
  expect(process.stdout()).toMatch(/test: started.*\ncollected$/);
  process.child.kill();
  expect(await process.ended).toEqual({ code: 0, signal: null });
});

test('a process without open handles stays until it is asked to end', async () => {
  const process = run('run.ts', ['works']);
  await process.printed('test: started');
  // Node ends a process with nothing to do within this time by far.
  await expect(Promise.race([process.ended, after(300)])).resolves.toBe('time over');
  process.child.kill();
  await process.ended;
});

test('a second signal exits with 130 without waiting', async () => {
  const process = run('run.ts', ['stop-hangs-long']);
  await process.printed('test: started');
  process.child.kill('SIGTERM');
  await process.printed('test: stopping');
  process.child.kill('SIGINT');
  expect(await process.ended).toEqual({ code: 130, signal: null });
});

test.each([
  ['start-fails', 'worker did not start: no broker', 'database stopped'],
  ['component-fails', 'consumer crashed', 'worker stopped'],
  ['throws', 'thrown in a timer', 'worker stopped'],
  ['rejects', 'an unhandled rejection', 'worker stopped'],
])('%s: logs why, stops the components, exits with 1', async (mode, why, stopped) => {
  const process = run('run.ts', [mode]);
  expect(await process.ended).toEqual({ code: 1, signal: null });
  const fatal = lines(process.stdout()).filter((line) => line.level === 'fatal');
  expect(fatal).toHaveLength(1);
  expect(fatal[0]?.err?.message).toBe(why);
  expect(process.stdout()).toContain(stopped);
});

test('a component that does not stop in time is named, and the process exits with 1', async () => {
  const process = run('run.ts', ['stop-hangs']);
  await process.printed('test: started');
  process.child.kill();
  expect(await process.ended).toEqual({ code: 1, signal: null });
  expect(process.stdout()).toContain('not stopped within 300 ms, still stopping worker');
});

test('a component that fails to stop does not keep the others from stopping, and the process exits with 1', async () => {
  const process = run('run.ts', ['stop-fails']);
  await process.printed('test: started');
  process.child.kill();
  expect(await process.ended).toEqual({ code: 1, signal: null });
  expect(process.stdout()).toContain('worker did not stop: commit refused');
  expect(process.stdout()).toContain('database stopped');
});

test('a signal ends a process that is still starting', async () => {
  const process = run('run.ts', ['start-hangs']);
  await process.printed('worker starting');
  process.child.kill();
  expect(await process.ended).toEqual({ code: 1, signal: null });
  expect(process.stdout()).toContain('still starting worker');
});

test('a wrong configuration is one readable block on stderr and exit code 78', async () => {
  const process = run('config.ts', [], { LOG_LEVEL: 'loud', SHUTDOWN_GRACE: 'soon' });
  expect(await process.ended).toEqual({ code: 78, signal: null });
  expect(process.stderr()).toBe(
    [
      'Invalid configuration, please correct the environment:',
      '  LOG_LEVEL: got "loud", expected one of trace, debug, info, warn, error, fatal',
      '  SHUTDOWN_GRACE: got "soon", expected a duration such as 500, 500ms, 2s, 5m or 1h',
      '',
    ].join('\n'),
  );
});

function lines(stdout: string): { level?: string; err?: { message: string } }[] {
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
}

function after(ms: number): Promise<string> {
  return new Promise((resolve) => setTimeout(() => resolve('time over'), ms));
}
