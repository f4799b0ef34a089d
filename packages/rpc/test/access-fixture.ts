import type { webcrypto } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLogger } from '@orderflow/runtime';
import { exportJWK, exportSPKI, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';
import { onTestFinished } from 'vitest';
import { createSigningKeys, createTokens } from '../src/index.ts';

export const issuer = 'https://id.example/shop';
export const audience = 'orderflow';

/** A key pair with its id. */
export interface Key {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: webcrypto.CryptoKey;
  readonly publicKey: webcrypto.CryptoKey;
  readonly jwk: JWK;
}

export async function newKey(kid: string, alg = 'ES256'): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, alg, privateKey, publicKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
}

/** An issuer of tokens whose keys, faults and clock a test sets. */
export async function startIssuer(key: Key) {
  const state = {
    keys: [key],
    /** Replaces the response; undefined: the keys. */
    respond: undefined as (() => { status: number; body: string }) | undefined,
    fetches: 0,
    now: Date.now(),
  };
  const server = createServer((_, res) => {
    state.fetches += 1;
    const { status, body } = state.respond?.() ?? {
      status: 200,
      body: JSON.stringify({ keys: state.keys.map(({ jwk }) => jwk) }),
    };
    res.writeHead(status, { 'content-type': 'application/json' }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const jwksUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
  const now = () => state.now;
  const logger = createLogger({ service: 'test', level: 'silent' });
  const tokens = createTokens(
    { issuer, audience, rolesClaim: 'roles', customerClaim: 'sub' },
    { findKey: createSigningKeys({ url: jwksUrl, logger, now }), now },
  );
  return { state, jwksUrl, now, tokens };
}

/** What a token says besides the usual. */
export interface Says {
  readonly claims?: JWTPayload;
  readonly key?: Key;
  readonly header?: Record<string, unknown>;
  /** Seconds from now; absent: 300. Undefined: the token does not expire. */
  readonly expiresIn?: number | undefined;
}

/** Signs a token that is good unless `says` says otherwise. */
export async function signToken(key: Key, now: number, says: Says) {
  const { claims, header, key: signer = key, expiresIn } = { expiresIn: 300, ...says };
  const seconds = Math.floor(now / 1000);
  const exp = expiresIn !== undefined && { exp: seconds + expiresIn };
  return new SignJWT({ iss: issuer, aud: audience, iat: seconds, ...exp, ...claims })
    .setProtectedHeader({ alg: signer.alg, kid: signer.kid, ...header })
    .sign(signer.privateKey);
}

/** A token without a signature, and one that is signed with the public key as a secret. */
export async function forgedTokens(key: Key, now: number, claims: JWTPayload) {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const exp = Math.floor(now / 1000) + 300;
  const payload = { iss: issuer, aud: audience, exp, ...claims };
  return {
    none: `${encode({ alg: 'none', kid: key.kid })}.${encode(payload)}.`,
    confused: await new SignJWT(payload)
      .setProtectedHeader({ alg: 'HS256', kid: key.kid })
      .sign(Buffer.from(await exportSPKI(key.publicKey))),
  };
}
