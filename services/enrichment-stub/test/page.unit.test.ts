import { expect, test } from 'vitest';
import { pageOf, readPageRequest } from '../src/domain/page.ts';

const idOf = (item: string) => item;
const start = (pageToken: string) => readPageRequest('customers', { pageSize: 2, pageToken });

test('a page goes on after the last item of the page before', () => {
  const { items, nextPageToken } = pageOf('customers', ['c-1', 'c-2', 'c-3'], 2, idOf);
  expect(items).toEqual(['c-1', 'c-2']);
  expect(start(nextPageToken)).toEqual({ afterId: 'c-2', size: 2 });
});

test('a full last page has no next page', () => {
  expect(pageOf('customers', ['c-1', 'c-2'], 2, idOf)).toEqual({ items: ['c-1', 'c-2'], nextPageToken: '' });
});

test('an empty list is one empty page', () => {
  expect(pageOf('customers', [], 2, idOf)).toEqual({ items: [], nextPageToken: '' });
});

test('without a token and a size it is the first page of 50', () => {
  expect(readPageRequest('customers', { pageSize: 0, pageToken: '' })).toEqual({
    afterId: undefined,
    size: 50,
  });
});

const ofProducts = pageOf('products', ['p-1', 'p-2'], 1, idOf).nextPageToken;
const ofCustomers = pageOf('customers', ['c-1', 'c-2'], 1, idOf).nextPageToken;

test.each([
  ['of another list', ofProducts],
  ['cut short', ofCustomers.slice(0, -1)],
  ['with something added', `${ofCustomers}=`],
  ['with something that decoding skips', `${ofCustomers}!`],
  ['made up', 'c-1'],
  ['holding no id', Buffer.from('customers:').toString('base64url')],
  ['holding what cannot be an id', Buffer.from("customers:' or 1=1").toString('base64url')],
])('a token %s is refused', (_, token) => {
  expect(() => start(token)).toThrow(expect.objectContaining({ reason: 'PAGE_TOKEN_INVALID' }));
});
