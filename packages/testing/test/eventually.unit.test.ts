import { expect, it } from 'vitest';
import { eventually } from '../src/index.ts';

it('repeats until the assertion holds, and resolves to its result', async () => {
  let calls = 0;
  const result = await eventually(
    () => {
      calls += 1;
      expect(calls).toBe(3);
      return 'done';
    },
    { intervalMs: 1 },
  );
  expect(result).toBe('done');
  expect(calls).toBe(3);
});

it('repeats while a predicate is false', async () => {
  let calls = 0;
  await eventually(
    () => {
      calls += 1;
      return calls === 3;
    },
    { intervalMs: 1 },
  );
  expect(calls).toBe(3);
});

it('rejects with the last error and how long it waited', async () => {
  const never = () => Promise.reject(new Error('still empty'));
  await expect(eventually(never, { timeoutMs: 20, intervalMs: 5 })).rejects.toThrow(
    /^after waiting \d{2} ms: still empty$/,
  );
  await expect(eventually(() => false, { timeoutMs: 5 })).rejects.toThrow('the condition stayed false');
});
