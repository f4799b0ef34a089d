import { expect, test } from 'vitest';
import { maskUrlPasswords } from '../src/index.ts';

test.each([
  ['postgres://app:s3cret@db:5432/x', 'postgres://app:***@db:5432/x'],
  ['redis://:s3cret@cache', 'redis://:***@cache'],
  ['postgres://app:un/es@caped@db/x', 'postgres://app:***@db/x'],
  ['cannot reach mongodb://u:p@m1,m2/ now', 'cannot reach mongodb://u:***@m1,m2/ now'],
  ['postgres://db/x?user=a&password=s3cret&ssl=1', 'postgres://db/x?user=a&password=***&ssl=1'],
  ['http://localhost:8005/path', 'http://localhost:8005/path'],
  ['plain text, a:b@c', 'plain text, a:b@c'],
])('%s', (text, masked) => {
  expect(maskUrlPasswords(text)).toBe(masked);
});
