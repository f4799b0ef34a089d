import { developmentClients } from '@orderflow/identity-stub/domain/clients';
import { createPersonTokens } from '@orderflow/local/tokens';
import { generateKeyPair, importJWK, type JWK, SignJWT, UnsecuredJWT } from 'jose';

/** Returns the token of a caller as a case names it, such as `customer c-1`; undefined for `none`. */
export type Tokens = (as: string) => Promise<string | undefined>;

/**
 * Creates the tokens of cases: those of people and of a service from the identity stub at `issuer`, and tokens that no
 * process may accept. `signingKey`: reads the key with which the stub signs, for a token of it that has expired.
 */
export function createTokens(issuer: string, signingKey: () => Promise<JWK>): Tokens {
  const ofPerson = createPersonTokens(issuer);
  const others: Readonly<Record<string, () => Promise<string | undefined>>> = {
    none: async () => undefined,
    service: once(() => fetchServiceToken(issuer)),
    expired: once(async () => {
      const key = await signingKey();
      return operatorToken(issuer, '-1h')
        .setProtectedHeader(headerOf(key))
        .sign(await importJWK(key));
    }),
    // By another key, which pretends to be that of the stub.
    forged: once(async () => {
      const [key, { privateKey }] = await Promise.all([signingKey(), generateKeyPair('RS256')]);
      return operatorToken(issuer, '1h').setProtectedHeader(headerOf(key)).sign(privateKey);
    }),
    unsigned: async () =>
      new UnsecuredJWT({ roles: ['operator'] })
        .setIssuer(issuer)
        .setAudience('orderflow')
        .setSubject('eve')
        .setExpirationTime('1h')
        .encode(),
  };
  return (as) => {
    const [role = '', subject = ''] = as.split(' ');
    if (role === 'customer' || role === 'operator') return ofPerson({ role, subject });
    const token = others[role];
    if (token === undefined) throw new Error(`there is no token "${as}"`);
    return token();
  };
}

const headerOf = ({ kid = '', alg = '' }: JWK) => ({ kid, alg, typ: 'at+jwt' });

function operatorToken(issuer: string, expires: string): SignJWT {
  return new SignJWT({ roles: ['operator'] })
    .setIssuer(issuer)
    .setAudience('orderflow')
    .setSubject('eve')
    .setIssuedAt()
    .setExpirationTime(expires);
}

/** Fetches a token of the client `payment`, a service. */
async function fetchServiceToken(issuer: string): Promise<string> {
  const { id, secret } = developmentClients.payment;
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'client_credentials', client_id: id, client_secret: secret }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${issuer} gives no token: ${response.status} ${text}`);
  return (JSON.parse(text) as { access_token: string }).access_token;
}

function once<T>(create: () => Promise<T>): () => Promise<T> {
  let created: Promise<T> | undefined;
  return () => {
    created ??= create();
    return created;
  };
}
