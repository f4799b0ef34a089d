import { Refusal } from './refusal.ts';

/** The lists that are read by pages; a token of one is no token of the other. */
export type PagedList = 'customers' | 'products';

/** Which page is wanted. */
export interface PageRequest {
  /** 0 means 50. */
  readonly pageSize: number;
  /** The `nextPageToken` of the page before; empty for the first page. */
  readonly pageToken: string;
}

export interface Page<T> {
  readonly items: T[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

const defaultPageSize = 50;

/**
 * Where the page starts and how many items it has.
 * @throws Refusal PAGE_TOKEN_INVALID
 */
export function readPageRequest(
  list: PagedList,
  { pageSize, pageToken }: PageRequest,
): { afterId: string | undefined; size: number } {
  return { afterId: readPageToken(list, pageToken), size: pageSize || defaultPageSize };
}

/** The page of `size` items; `items` has one more unless the list ends there, which is how the end is known. */
export function pageOf<T>(
  list: PagedList,
  items: readonly T[],
  size: number,
  idOf: (item: T) => string,
): Page<T> {
  const page = items.slice(0, size);
  const last = page.at(-1);
  const isLastPage = items.length <= size || last === undefined;
  return { items: page, nextPageToken: isLastPage ? '' : pageTokenAfter(list, idOf(last)) };
}

const tokenText = /^(customers|products):([A-Za-z0-9._:-]{1,64})$/;

function pageTokenAfter(list: PagedList, id: string): string {
  return Buffer.from(`${list}:${id}`).toString('base64url');
}

function readPageToken(list: PagedList, token: string): string | undefined {
  if (token === '') return undefined;
  const [, tokenList, id] = tokenText.exec(Buffer.from(token, 'base64url').toString()) ?? [];
  // Decoding skips what is not base64url; only the same text encoded again shows that the token is whole.
  if (tokenList === list && id !== undefined && pageTokenAfter(list, id) === token) return id;
  throw new Refusal(
    'PAGE_TOKEN_INVALID',
    `page_token is not from a list of ${list}: give the next_page_token of the page before, or nothing for the first page`,
  );
}
