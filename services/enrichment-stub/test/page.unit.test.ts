import { expect, test } from 'vitest';
import { pageOf } from '../src/domain/page.ts';
import { nextPageToken, toPageRequest } from '../src/inbound/rpc/pages.ts';

const idOf = (item: string) => item;

test('a page goes on after the last item of the page before', () => {
  const page = pageOf(['c-1', 'c-2', 'c-3'], 2, idOf);
  expect(page).toEqual({ items: ['c-1', 'c-2'], lastId: 'c-2' });
  const pageToken = nextPageToken('customers', page);
  expect(toPageRequest('customers', { pageSize: 2, pageToken })).toEqual({ afterId: 'c-2', size: 2 });
});

test('a full last page has no next page', () => {
  const page = pageOf(['c-1', 'c-2'], 2, idOf);
  expect(page).toEqual({ items: ['c-1', 'c-2'], lastId: undefined });
  expect(nextPageToken('customers', page)).toBe('');
});

test('an empty list is one empty page', () => {
  expect(pageOf([], 2, idOf)).toEqual({ items: [], lastId: undefined });
});

test('without a token and a size it is the first page of 50', () => {
  expect(toPageRequest('customers', { pageSize: 0, pageToken: '' })).toEqual({
    afterId: undefined,
    size: 50,
  });
});
