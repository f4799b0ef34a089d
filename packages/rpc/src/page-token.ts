import { createHash } from 'node:crypto';
import { rpcError } from './errors.ts';

const checkBytes = 8;

/**
 * The token of the page that begins after the item with this key: the values that the list is sorted by, as text.
 * The token is opaque, and good for the list of this name only.
 */
export function encodePageToken(list: string, key: readonly string[]): string {
  return tokenOf(list, JSON.stringify(key));
}

/**
 * The key to go on after; undefined, which is the first page, for an empty token.
 * @throws PAGE_TOKEN_INVALID unless {@link encodePageToken} made the token for this list.
 */
export function decodePageToken(list: string, token: string): string[] | undefined {
  if (token === '') return undefined;
  const key = Buffer.from(token, 'base64url').subarray(checkBytes).toString();
  // Decoding skips what is not base64url; only the same token made again shows that this one is whole.
  if (tokenOf(list, key) === token) return JSON.parse(key);
  throw rpcError(
    'PAGE_TOKEN_INVALID',
    `page_token is not from this list of ${list}: give the next_page_token of the page before, or nothing for the first page`,
  );
}

/** The check finds mistakes. It is no signature: whoever makes up a token sees no more than the list. */
function tokenOf(list: string, key: string): string {
  const check = createHash('sha256').update(`${list}\n${key}`).digest().subarray(0, checkBytes);
  return Buffer.concat([check, Buffer.from(key)]).toString('base64url');
}
