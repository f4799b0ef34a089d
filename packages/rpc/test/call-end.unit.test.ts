import { expect, test } from 'vitest';
import { CallEnd } from '../src/call-end.ts';

test('tells its listeners once, with the first reason, and before those of the signal', () => {
  const end = new CallEnd();
  const told: unknown[] = [];
  end.addEventListener('abort', () => told.push(`listener: ${end.reason}`));
  end.signal.addEventListener('abort', () => told.push(`signal: ${end.signal.reason}`));
  end.abort('first');
  end.abort('second');
  expect(told).toEqual(['listener: first', 'signal: first']);
});

test('a signal that is asked for after the end is aborted', () => {
  const end = new CallEnd();
  end.abort('late');
  expect(end.signal).toMatchObject({ aborted: true, reason: 'late' });
});

test('a listener that was removed is not told, the others are', () => {
  const end = new CallEnd();
  const told: string[] = [];
  const removed = () => told.push('removed');
  end.addEventListener('abort', removed);
  end.addEventListener('abort', () => told.push('kept'));
  end.removeEventListener('abort', removed);
  end.abort(undefined);
  expect(told).toEqual(['kept']);
});
