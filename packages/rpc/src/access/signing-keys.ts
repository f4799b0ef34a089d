import type { webcrypto } from 'node:crypto';
import { Code, ConnectError } from '@connectrpc/connect';
import { type Logger, maskUrlPasswords } from '@orderflow/runtime';
import { createLocalJWKSet, errors, type JSONWebKeySet } from 'jose';
import { rpcError } from '../errors.ts';
import { paced } from './paced.ts';

/** Keys are fetched again after this time, while the old ones go on being used. */
const FRESH_MS = 10 * 60_000;
/** While the issuer cannot be reached, its keys are used for so long. */
const STALE_MS = 24 * 60 * 60_000;
/**
 * The least time between two fetches for the same cause. The first token with a new key causes a fetch at once, whenever
 * the last regular one was; such a token can be made up, so that the next has to wait.
 */
const pausesMs = { noKey: 1_000, stale: 30_000, unknownKey: 30_000 };

const FETCH_TIMEOUT_MS = 5_000;
const MAX_BYTES = 1024 * 1024;

/**
 * Returns the public key for the header of a token, made for its algorithm. Rejects with a ConnectError UNAVAILABLE when
 * there are no keys, and with an error of jose when there is not this one.
 */
export type FindKey = (header: {
  readonly alg: string;
  readonly kid?: string;
}) => Promise<webcrypto.CryptoKey>;

/**
 * Fetches the keys with which an issuer signs, and keeps them. What `createRemoteJWKSet` of jose lacks: known keys are
 * good for a day while the issuer cannot be reached, failed fetches are limited as successful ones are, and having no
 * keys is an outage: it says nothing about a token.
 */
export function createSigningKeys(options: {
  /** Where the issuer publishes its JSON Web Key Set (RFC 7517). */
  readonly url: string;
  readonly logger: Logger;
  /** In milliseconds. Not the time of day: that goes back when it is corrected, and pauses would last until then. */
  readonly now?: () => number;
  readonly fetch?: typeof fetch;
}): FindKey {
  const { url, logger, now = () => performance.now(), fetch: get = fetch } = options;
  let keys: { readonly find: FindKey; readonly fetchedAt: number } | undefined;
  const refresh = paced(pausesMs, now, fetchKeys);

  async function fetchKeys(): Promise<void> {
    try {
      const response = await get(url, { redirect: 'error', signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
      if (!response.ok) throw new Error(`the status is ${response.status}`);
      const set = JSON.parse(await textOf(response)) as JSONWebKeySet;
      const find = createLocalJWKSet(set);
      keys = set.keys.length > 0 ? { find, fetchedAt: now() } : undefined;
      if (keys === undefined) throw new Error('there are none: no token can be verified');
    } catch (error) {
      const masked = maskUrlPasswords(url);
      logger.warn({ err: error, url: masked }, 'the keys of the token issuer could not be fetched');
    }
  }

  function usable() {
    return keys && now() - keys.fetchedAt < STALE_MS ? keys : undefined;
  }

  return async (header) => {
    const known = usable();
    if (known === undefined) await refresh('noKey');
    else if (now() - known.fetchedAt >= FRESH_MS) void refresh('stale');
    const current = usable();
    if (current === undefined) throw noKeys();
    try {
      return await current.find(header);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await refresh('unknownKey');
      const { find } = usable() ?? current;
      return find(header);
    }
  };
}

function noKeys(): ConnectError {
  return rpcError(
    'DEPENDENCY_UNAVAILABLE',
    'tokens cannot be verified: the keys of their issuer cannot be fetched; repeat later',
  );
}

/** Whether an error says that tokens cannot be verified at present. */
export function isOutageOfKeys(error: unknown): boolean {
  return error instanceof ConnectError && error.code === Code.Unavailable;
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw new Error(`there are more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
