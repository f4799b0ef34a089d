import { expect, test } from 'vitest';
import { GatheredBytes } from '../src/gathered-bytes.ts';

/** A piece of a buffer that is no larger, as of a body that comes in one. */
const piece = (...bytes: number[]) => Uint8Array.from(bytes);

test('what was taken stays as it was while more is gathered', () => {
  const gathered = new GatheredBytes();
  gathered.add(piece(1, 2, 3));
  const taken = gathered.take(2);
  gathered.add(piece(4, 5));
  gathered.add(piece(6));
  expect([...taken]).toEqual([1, 2]);
  expect([...gathered.peek()]).toEqual([3, 4, 5, 6]);
  expect([...gathered.take(3)]).toEqual([3, 4, 5]);
  gathered.add(piece(7));
  expect([gathered.length, ...gathered.peek()]).toEqual([2, 6, 7]);
});

test('a piece that comes alone is not copied, unless it keeps a much larger buffer', () => {
  const whole = piece(1, 2, 3);
  const gathered = new GatheredBytes();
  gathered.add(whole);
  expect(gathered.peek().buffer).toBe(whole.buffer);

  const part = new Uint8Array(64 * 1024).subarray(7, 8);
  const other = new GatheredBytes();
  other.add(part);
  expect(other.peek().buffer).not.toBe(part.buffer);
  expect([...other.peek()]).toEqual([0]);
});

test('pieces are never written into the buffer that one came in', () => {
  const shared = piece(1, 2, 3, 4);
  const gathered = new GatheredBytes();
  gathered.add(shared.subarray(0, 2));
  gathered.add(piece(9));
  expect([...shared]).toEqual([1, 2, 3, 4]);
  expect([...gathered.peek()]).toEqual([1, 2, 9]);
});
