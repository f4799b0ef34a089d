import { decodePageToken, encodePageToken } from '@orderflow/rpc';
import type { Page, PageRequest } from '../../domain/page.ts';

/** The lists that are read by pages; a token of one is no token of the other. */
export type PagedList = 'customers' | 'products';

/** What the contract says that 0 means. */
const defaultPageSize = 50;

/** @throws PAGE_TOKEN_INVALID */
export function toPageRequest(
  list: PagedList,
  { pageSize, pageToken }: { readonly pageSize: number; readonly pageToken: string },
): PageRequest {
  const [afterId] = decodePageToken(list, pageToken) ?? [];
  return { afterId, size: pageSize || defaultPageSize };
}

/** Empty after the last page. */
export function nextPageToken(list: PagedList, { lastId }: Page<unknown>): string {
  return lastId === undefined ? '' : encodePageToken(list, [lastId]);
}
