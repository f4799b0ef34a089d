import { readFileSync } from 'node:fs';
import { type ConnectionOptions, checkServerIdentity } from 'node:tls';

/** A Postgres server as its driver takes it. */
export interface PostgresServer {
  /** Without database and parameters: `postgres://user:password@host:5432`. */
  readonly url: string;
  /** How the connection is encrypted; false: not at all. */
  readonly ssl: ConnectionOptions | false;
}

const parameters = ['sslmode', 'sslrootcert'];

/**
 * Parses the URL of a server with its parameters `sslmode` (disable, require, verify-ca, verify-full) and
 * `sslrootcert`, a file of certificates that are trusted instead of the system's. They mean the same as in libpq.
 * @throws Error for any other parameter or mode, or when the file cannot be read.
 */
export function postgresServer(url: string): PostgresServer {
  const parsed = new URL(url);
  const unknown = [...parsed.searchParams.keys()].find((name) => !parameters.includes(name));
  if (unknown !== undefined)
    throw new Error(`no parameter "${unknown}" (known parameters: ${parameters.join(', ')})`);
  const mode = parsed.searchParams.get('sslmode') ?? 'disable';
  const file = parsed.searchParams.get('sslrootcert');
  const host = parsed.hostname.replace(/^\[|\]$/g, '');
  parsed.search = '';
  parsed.pathname = '';
  return { url: parsed.href.replace(/\/$/, ''), ssl: sslOf(mode, file, host) };
}

function sslOf(mode: string, file: string | null, host: string): PostgresServer['ssl'] {
  const trusted = file === null ? {} : { ca: readFileSync(file, 'utf8') };
  switch (mode) {
    case 'disable':
      return false;
    case 'require':
      // Like libpq: given certificates are verified.
      if (file === null) return { rejectUnauthorized: false };
      return { ...trusted, rejectUnauthorized: true, checkServerIdentity: () => undefined };
    case 'verify-ca':
      return { ...trusted, rejectUnauthorized: true, checkServerIdentity: () => undefined };
    case 'verify-full':
      // The driver passes no name for an IP address, which Node would then verify as "localhost".
      return {
        ...trusted,
        rejectUnauthorized: true,
        checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate),
      };
    default:
      throw new Error(`sslmode=${mode} is none of disable, require, verify-ca, verify-full`);
  }
}
