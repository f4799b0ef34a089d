import { createSign, generateKeyPairSync } from 'node:crypto';
import { seededRandom } from '@orderflow/testing/seeded-random';
import { CompactSign, createLocalJWKSet, type JWTHeaderParameters, jwtVerify } from 'jose';
import { describe, expect, test } from 'vitest';
import { verifyToken } from '../src/access/verify-token.ts';
import { audience, issuer, type Key, newKey } from './access-fixture.ts';

const algorithms = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];
const seconds = 1_800_000_000;
const terms = {
  issuer,
  audience,
  clockTolerance: 30,
  currentDate: new Date(seconds * 1000),
  requiredClaims: ['sub', 'exp'],
};
const good = { iss: issuer, aud: [audience, 'other'], sub: 'ann', exp: seconds + 300, roles: ['operator'] };

const keys = new Map(
  await Promise.all(algorithms.map(async (alg) => [alg, await newKey(alg, alg)] as const)),
);
// Keys without an algorithm of their own: only their kind tells for which they are.
const jwks = [...keys.values()].map(({ jwk: { alg: _, ...jwk } }) => jwk);
const findKey = createLocalJWKSet({ keys: jwks });

/** What becomes of a token: its claims, or undefined. */
const ours = (token: string) => verifyToken(token, findKey, terms).catch(() => undefined);
const joses = (token: string) =>
  jwtVerify(token, findKey, { ...terms, algorithms }).then(
    ({ payload }) => payload,
    () => undefined,
  );

const keyFor = (alg: string) => keys.get(alg) as Key;

function sign(
  alg: string,
  says: { claims?: object; header?: object; payload?: string } = {},
): Promise<string> {
  const { privateKey, kid } = keyFor(alg);
  const payload = says.payload ?? JSON.stringify({ ...good, ...says.claims });
  const header = { alg, kid, ...says.header } as JWTHeaderParameters;
  return new CompactSign(Buffer.from(payload))
    .setProtectedHeader(header)
    .sign(privateKey, { crit: { exp: true } });
}

describe.for(algorithms)('%s', (alg) => {
  test('a good token is read as jose reads it', async () => {
    const token = await sign(alg);
    expect(await ours(token)).toEqual(good);
    expect(await joses(token)).toEqual(good);
  });

  test('a token that was changed in any place is refused', async () => {
    const random = seededRandom(alg.length);
    const token = await sign(alg);
    const characters = 'AQgw-_.09az';
    for (let change = 0; change < 60; change += 1) {
      const at = Math.floor(random() * token.length);
      const character = characters[Math.floor(random() * characters.length)] ?? 'A';
      const changed = `${token.slice(0, at)}${character}${token.slice(at + (change % 2))}`;
      if (changed === token) continue;
      expect(await ours(changed), changed).toBeUndefined();
    }
  });

  test.for(algorithms.filter((other) => other !== alg))('is not taken for %s', async (other) => {
    const [, payload, signature] = (await sign(alg)).split('.');
    const header = (kid: string) => Buffer.from(JSON.stringify({ alg: other, kid })).toString('base64url');
    for (const kid of [alg, other]) {
      const forged = `${header(kid)}.${payload}.${signature}`;
      expect(await ours(forged)).toEqual(await joses(forged));
    }
  });
});

test.for([
  ['expired', { claims: { exp: seconds - 31 } }],
  ['expired a moment ago, as clocks differ', { claims: { exp: seconds - 29 } }],
  ['not yet valid', { claims: { nbf: seconds + 31 } }],
  ['of another issuer', { claims: { iss: `${issuer}/` } }],
  ['for another audience', { claims: { aud: 'other' } }],
  ['without subject', { claims: { sub: undefined } }],
  ['without end', { claims: { exp: undefined } }],
  ['with an end that is a text', { claims: { exp: String(seconds + 300) } }],
  ['with an extension that must be understood', { header: { crit: ['exp'], exp: 1 } }],
  ['with type at+jwt', { header: { typ: 'at+jwt' } }],
  ['without the id of its key', { header: { kid: undefined } }],
  ['with an id of its key that is a number', { header: { kid: 5 } }],
  ['with claims that are a list', { payload: '[]' }],
  ['with claims that are no JSON', { payload: '{' }],
  ['with no claims', { payload: '' }],
  ['with a member twice', { payload: JSON.stringify(good).replace('{', '{"sub":"bob",') }],
] as const)('a signed token %s is read as jose reads it', async ([, says]) => {
  const token = await sign('ES384', says);
  expect(await ours(token)).toEqual(await joses(token));
});

test('a key of fewer than 2,048 bits verifies nothing', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  const key = publicKey.toCryptoKey(algorithm, true, ['verify']);
  const [head, body] = (await sign('RS256')).split('.');
  const signature = createSign('sha256').update(`${head}.${body}`).sign(privateKey, 'base64url');
  await expect(verifyToken(`${head}.${body}.${signature}`, async () => key, terms)).rejects.toThrow(
    '2048 bits',
  );
});
