import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { errorReason, numberKey, pageRequest, pageTokens, textKey, timeKey } from '../src/index.ts';

const orders = pageTokens<[string]>('orders', textKey);
const all = pageTokens<[Date, bigint, string]>('orders', timeKey, numberKey, textKey);

/** A token whose check is right, for whatever is in it: the check is no secret. */
function forged(list: string, text: string): string {
  const check = createHash('sha256').update(`${list}\n${text}`).digest().subarray(0, 8);
  return Buffer.concat([check, Buffer.from(text)]).toString('base64url');
}

function reasonOf(decode: () => unknown): string | undefined {
  try {
    decode();
  } catch (error) {
    return errorReason(error);
  }
  return 'none';
}

test.each([
  ['one value', pageTokens<[string]>('orders', textKey), ['c-1']],
  ['any text', pageTokens<[string, string]>('orders', textKey, textKey), ['"], é', '']],
  ['every kind', all, [new Date('2026-11-24T12:00:00.123Z'), 12n, 'o-1']],
])('a key of %s comes back', (_, tokens, key) => {
  const token = tokens.encode(key as never);
  expect(token).toMatch(/^[A-Za-z0-9_-]+$/);
  expect(tokens.decode(token)).toEqual(key);
});

test('no token is the first page, and no key is no token', () => {
  expect(orders.decode('')).toBeUndefined();
  expect(orders.encode(undefined)).toBe('');
});

test('a request without a token and a size is for the first page of 50', () => {
  expect(pageRequest(orders, { pageSize: 0, pageToken: '' })).toEqual({ after: undefined, size: 50 });
  expect(pageRequest(orders, { pageSize: 0, pageToken: '' }, 1_000)).toMatchObject({ size: 1_000 });
  const pageToken = orders.encode(['o-1']);
  expect(pageRequest(orders, { pageSize: 2, pageToken })).toEqual({ after: ['o-1'], size: 2 });
});

const token = orders.encode(['o-1']);

test.each([
  ['of another list', pageTokens<[string]>('customers', textKey).encode(['o-1'])],
  ['cut short', token.slice(0, -1)],
  ['with something added', `${token}=`],
  ['with something that decoding skips', `${token}!`],
  ['with another key', `${token.slice(0, -4)}AAAA`],
  ['made up', 'o-1'],
  ['made up of a key', Buffer.from('["o-1"]').toString('base64url')],
  ['that holds null', 'uMJa6A-nupdudWxs'],
  ...['null', '123', '{}', '"o-1"', '[]', '[1]', '[["o-1"]]', '["o-1","o-2"]', '["\\u0000"]', 'x', ''].map(
    (text) => [`that holds ${text || 'nothing'}`, forged('orders', text)],
  ),
])('a token %s is refused', (_, bad) => {
  expect(reasonOf(() => orders.decode(bad ?? ''))).toBe('PAGE_TOKEN_INVALID');
});

test.each([
  [timeKey, ['yesterday', '', '2026-11-24', '2026-02-30T00:00:00.000Z', '-271821-04-20T00:00:00.000Z']],
  [timeKey, ['+010000-01-01T00:00:00.000Z', '1', '2026-11-24T12:00:00.123+01:00']],
  [numberKey, ['', '-1', '1.5', '0x1', '1n', ' 1', '9999999999999999999', 'one']],
])('a value that was never written is refused', (part, texts) => {
  const tokens = pageTokens<[unknown]>('ledger', part);
  const reasons = texts.map((text) =>
    reasonOf(() => tokens.decode(forged('ledger', JSON.stringify([text])))),
  );
  expect(reasons).toEqual(texts.map(() => 'PAGE_TOKEN_INVALID'));
});
