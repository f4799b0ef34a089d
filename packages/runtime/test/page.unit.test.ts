import { expect, test } from 'vitest';
import { readPage } from '../src/index.ts';

/** A list of ids, of which no more are returned than asked for. */
const listOf =
  (...ids: string[]) =>
  async (limit: number) =>
    ids.slice(0, limit);

test('a page continues after its last item', async () => {
  expect(await readPage(2, listOf('c-1', 'c-2', 'c-3'))).toEqual({ items: ['c-1', 'c-2'], last: 'c-2' });
});

test('a full last page has no next page', async () => {
  expect(await readPage(2, listOf('c-1', 'c-2'))).toEqual({ items: ['c-1', 'c-2'], last: undefined });
});

test('an empty list is one empty page', async () => {
  expect(await readPage(2, listOf())).toEqual({ items: [], last: undefined });
});
