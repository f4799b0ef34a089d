import { expect, it } from 'vitest';
import { isRunning, processRef } from '../src/process.ts';

it('does not take a process that reuses an id for the one that had it before', () => {
  const self = processRef(process.pid);
  expect(isRunning(self)).toBe(true);
  expect(isRunning({ ...self, startedAt: 'Thu Jan  1 00:00:10 2026' })).toBe(false);
});

it('does not find a process that does not exist', () => {
  expect(isRunning({ pid: 2 ** 30, startedAt: 'Thu Jan  1 00:00:10 2026' })).toBe(false);
});
