import { type Logger, maskUrlPasswords } from '@orderflow/runtime';
import { cutToBytes } from '../short-text.ts';
import { noToken } from '../transport-errors.ts';
import { paced } from './paced.ts';

/** The tokens with which a process calls others. */
export interface OwnTokens {
  /** Returns the present token. Rejects with DEPENDENCY_UNAVAILABLE, and its cause, while none can be fetched. */
  current(): string | Promise<string>;
  /** A peer did not accept this token: the next call gets another. */
  refused(token: string): void;
}

/** While no token can be fetched, it is tried no more often. */
const pausesMs = { renewal: 1_000 };
const FETCH_TIMEOUT_MS = 5_000;
const MAX_REASON_BYTES = 100;

interface Fetched {
  readonly token: string;
  readonly renewAt: number;
  readonly endsAt: number;
}

/**
 * Fetches tokens by client credentials (RFC 6749, 4.4), and renews them at half their life, so that the issuer may be
 * unavailable for the other half.
 */
export function createOwnTokens(options: {
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly audience: string;
  readonly scope?: string | undefined;
  readonly logger: Logger;
  /** In milliseconds. Not the time of day: that goes back when it is corrected, and pauses would last until then. */
  readonly now?: () => number;
  readonly fetch?: typeof fetch;
}): OwnTokens {
  const { tokenUrl, clientId, clientSecret, audience, scope, logger } = options;
  const { now = () => performance.now(), fetch: get = fetch } = options;
  let fetched: Fetched | undefined;
  let problem: unknown;
  const renew = paced(pausesMs, now, fetchToken);

  async function fetchToken(): Promise<void> {
    try {
      const response = await get(tokenUrl, {
        method: 'POST',
        redirect: 'error',
        signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
        headers: {
          authorization: `Basic ${Buffer.from(`${formEncoded(clientId)}:${formEncoded(clientSecret)}`).toString('base64')}`,
        },
        // Not in the standard: some providers need the audience, and others ignore it.
        body: new URLSearchParams({
          grant_type: 'client_credentials',
          ...(scope === undefined ? { audience } : { scope }),
        }),
      });
      if (!response.ok) throw new Error(`the status is ${response.status}${await reasonOf(response)}`);
      const { access_token: token, expires_in: seconds } = (await response.json()) as Record<string, unknown>;
      if (typeof token !== 'string' || typeof seconds !== 'number' || seconds <= 0) {
        throw new Error('the response has no access_token, or does not say how long it lives');
      }
      const at = now();
      fetched = { token, renewAt: at + seconds * 500, endsAt: at + seconds * 1000 };
    } catch (error) {
      problem = error;
      const url = maskUrlPasswords(tokenUrl);
      logger.warn({ err: error, url, client: clientId }, 'no token for own calls could be fetched');
    }
  }

  function usable(): Fetched | undefined {
    return fetched && now() < fetched.endsAt ? fetched : undefined;
  }

  async function fetchedToken(): Promise<string> {
    await renew('renewal');
    const token = usable()?.token;
    if (token !== undefined) return token;
    throw noToken('the token issuer: there is no token for own calls', problem);
  }

  return {
    current() {
      const present = usable();
      if (present === undefined) return fetchedToken();
      if (now() >= present.renewAt) void renew('renewal');
      return present.token;
    },
    refused(token) {
      if (fetched?.token !== token) return;
      fetched = undefined;
      problem = new Error('a peer has refused the last one');
    },
  };
}

/** What the issuer says of it (RFC 6749, 5.2), such as `: invalid_client`; nothing of what a proxy says. */
async function reasonOf(response: Response): Promise<string> {
  const { error } = ((await response.json().catch(() => ({}))) ?? {}) as Record<string, unknown>;
  return typeof error === 'string' ? `: ${cutToBytes(error, MAX_REASON_BYTES)}` : '';
}

/** As RFC 6749, 2.3.1 has it. */
function formEncoded(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1);
}
