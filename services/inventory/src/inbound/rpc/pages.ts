import { decodePageToken, encodePageToken } from '@orderflow/rpc';

/** What the contract says that 0 means. */
const defaultPageSize = 50;

/**
 * Where the page of a list begins, and how many items it has.
 * @throws PAGE_TOKEN_INVALID
 */
export function toPageRequest(
  list: string,
  { pageSize, pageToken }: { readonly pageSize: number; readonly pageToken: string },
): { after: string | undefined; size: number } {
  const [after] = decodePageToken(list, pageToken) ?? [];
  return { after, size: pageSize || defaultPageSize };
}

/** The token of the page that begins after the item of this id; empty after the last page. */
export function nextPageToken(list: string, lastId: string | undefined): string {
  return lastId === undefined ? '' : encodePageToken(list, [lastId]);
}
