import { expect, test } from 'vitest';
import { decodePageToken, encodePageToken } from '../src/index.ts';

test.each([
  ['one value', ['c-1']],
  ['several values', ['2026-11-24T12:00:00.123Z', 'o-1']],
  ['any text', ['"], é\0', '']],
])('a key of %s comes back', (_, key) => {
  const token = encodePageToken('orders', key);
  expect(token).toMatch(/^[A-Za-z0-9_-]+$/);
  expect(decodePageToken('orders', token)).toEqual(key);
});

test('no token is the first page', () => {
  expect(decodePageToken('orders', '')).toBeUndefined();
});

const token = encodePageToken('orders', ['o-1']);

test.each([
  ['of another list', encodePageToken('customers', ['o-1'])],
  ['cut short', token.slice(0, -1)],
  ['with something added', `${token}=`],
  ['with something that decoding skips', `${token}!`],
  ['with another key', `${token.slice(0, -4)}AAAA`],
  ['made up', 'o-1'],
  ['made up of a key', Buffer.from('["o-1"]').toString('base64url')],
])('a token %s is refused', (_, bad) => {
  expect(() => decodePageToken('orders', bad)).toThrow(
    expect.objectContaining({ rawMessage: expect.stringMatching(/not from this list of orders/) }),
  );
});
