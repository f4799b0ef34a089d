import { expect, test } from 'vitest';
import { run } from './spawn.ts';

test('kills the process the n-th time the point is passed, and nothing after it runs', async () => {
  const process = run('crash.ts', [], { ORDERFLOW_TEST: '1', CRASH_AT: 'after-decision#3' });
  expect(await process.ended).toEqual({ code: null, signal: 'SIGKILL' });
  expect(process.stdout()).toBe('passed 1\npassed 2\n');
  expect(process.stderr()).toContain('crash point after-decision#3 reached');
});

test.each([
  ['outside of tests', { CRASH_AT: 'after-decision#1' }],
  ['for another name', { ORDERFLOW_TEST: '1', CRASH_AT: 'after#1' }],
  ['when passed less often', { ORDERFLOW_TEST: '1', CRASH_AT: 'after-decision#5' }],
  ['when none is named', { ORDERFLOW_TEST: '1' }],
])('does nothing %s', async (_when, env) => {
  const process = run('crash.ts', [], env);
  expect(await process.ended).toEqual({ code: 0, signal: null });
  expect(process.stdout()).toContain('passed 4');
});

test('a malformed CRASH_AT is refused, so that a test cannot pass by crashing nowhere', async () => {
  const process = run('crash.ts', [], { ORDERFLOW_TEST: '1', CRASH_AT: 'after-decision' });
  expect((await process.ended).code).toBe(1);
  expect(process.stderr()).toContain('CRASH_AT: got "after-decision", expected name#n');
});
