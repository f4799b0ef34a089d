import { expect, test } from 'vitest';
import { cachedReading } from '../src/index.ts';

test('reads once while its value is fresh, and again after that', async () => {
  let reads = 0;
  const fresh = cachedReading(async () => ++reads, 60_000);
  expect(await Promise.all([fresh(), fresh()])).toEqual([1, 1]);
  expect(await fresh()).toBe(1);

  const stale = cachedReading(async () => ++reads, 0);
  expect([await stale(), await stale()]).toEqual([2, 3]);
});

test('a reading that takes long is waited for by all who ask meanwhile, and its error is not kept', async () => {
  const { promise, reject } = Promise.withResolvers<number>();
  const readings = [promise, Promise.resolve(2)];
  const read = cachedReading(async () => readings.shift() ?? 0, 60_000);
  const asked = Promise.allSettled([read(), read()]);
  reject(new Error('away'));
  expect((await asked).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await read()).toBe(2);
});
