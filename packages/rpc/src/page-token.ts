import { createHash } from 'node:crypto';
import { rpcError } from './errors.ts';

const checkBytes = 8;

/**
 * Writes a value of a key into a token and parses it; `read` returns undefined for a text that `write` never returns.
 */
export interface KeyPart<T> {
  write(value: T): string;
  read(text: string): T | undefined;
}

/** Any text that Postgres can store. */
export const textKey: KeyPart<string> = {
  write: (value) => value,
  read: (text) => (text.includes('\0') ? undefined : text),
};

/** A time of the years 0 to 9999, to the millisecond. */
export const timeKey: KeyPart<Date> = {
  write: (value) => value.toISOString(),
  read(text) {
    const value = new Date(text);
    const isTime = /^\d{4}-/.test(text) && !Number.isNaN(value.getTime());
    return isTime && value.toISOString() === text ? value : undefined;
  },
};

/** A whole number that is not negative, and that a bigint of Postgres can hold. */
export const numberKey: KeyPart<bigint> = {
  write: (value) => value.toString(),
  read: (text) => (/^\d{1,18}$/.test(text) ? BigInt(text) : undefined),
};

/** The tokens of one list. */
export interface PageTokens<Key extends readonly unknown[]> {
  /** The token of the page that begins after the item with this key; empty, which means "no more", for none. */
  encode(key: Key | undefined): string;
  /**
   * Returns the key to continue after; undefined, which is the first page, for an empty token.
   * @throws PAGE_TOKEN_INVALID unless {@link encode} of this list can have made the token.
   */
  decode(token: string): Key | undefined;
}

/**
 * Creates the tokens of the list of this name, whose items are sorted by a key of these parts. A token is opaque and
 * valid for this list only.
 */
export function pageTokens<const Key extends readonly unknown[]>(
  list: string,
  ...parts: { readonly [K in keyof Key]: KeyPart<Key[K]> }
): PageTokens<Key> {
  function read(text: string): Key | undefined {
    const texts = stringsOf(text);
    if (texts?.length !== parts.length) return undefined;
    const key = parts.map((part, index) => part.read(texts[index] ?? ''));
    return key.includes(undefined) ? undefined : (key as unknown as Key);
  }

  return {
    encode: (key) =>
      key === undefined
        ? ''
        : tokenOf(list, JSON.stringify(parts.map((part, index) => part.write(key[index])))),
    decode(token) {
      if (token === '') return undefined;
      const text = Buffer.from(token, 'base64url').subarray(checkBytes).toString();
      // Decoding skips characters that are not base64url; only encoding again shows that the token is intact.
      const key = tokenOf(list, text) === token ? read(text) : undefined;
      if (key !== undefined) return key;
      throw rpcError(
        'PAGE_TOKEN_INVALID',
        'page_token is not from this list: use the next_page_token of the previous page, or nothing for the first page',
      );
    },
  };
}

/**
 * Reads which page of a list is requested: the key that it begins after, undefined for the first page, and its size.
 * `defaultSize`: what the contract of the list documents for a `page_size` of 0.
 * @throws PAGE_TOKEN_INVALID
 */
export function pageRequest<Key extends readonly unknown[]>(
  tokens: PageTokens<Key>,
  { pageSize, pageToken }: { readonly pageSize: number; readonly pageToken: string },
  defaultSize = 50,
): { after: Key | undefined; size: number } {
  return { after: tokens.decode(pageToken), size: pageSize || defaultSize };
}

/** The checksum detects mistakes. It is not a signature: a token that passes may still hold anything. */
function tokenOf(list: string, key: string): string {
  const check = createHash('sha256').update(`${list}\n${key}`).digest().subarray(0, checkBytes);
  return Buffer.concat([check, Buffer.from(key)]).toString('base64url');
}

function stringsOf(text: string): string[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((part) => typeof part === 'string') ? value : undefined;
  } catch {
    return undefined;
  }
}
