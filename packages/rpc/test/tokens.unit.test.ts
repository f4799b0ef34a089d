import type { JWTPayload } from 'jose';
import { expect, test } from 'vitest';
import { createTokens } from '../src/index.ts';
import { audience, issuer, newKey, signToken } from './access-fixture.ts';

const key = await newKey('k-1');
let time = 1_800_000_000_000;
const now = () => time;

const newTokens = (customerClaim = 'sub') =>
  createTokens(
    { issuer, audience, rolesClaim: 'roles', customerClaim },
    { findKey: async () => key.publicKey, now },
  );

/** Who has a token that says this. */
const callerWith = async (claims: Record<string, unknown>, customerClaim?: string) =>
  newTokens(customerClaim).read(await signToken(key, now(), { claims: claims as JWTPayload }));

test.for([
  ['a number', 5],
  ['null', null],
  ['a list with a name', ['ann']],
  ['an object', { name: 'ann' }],
  ['empty', ''],
  ['of a character that does not print', 'ann\n'],
  ['longer than 512 characters', 'x'.repeat(513)],
  ['the name of a service that calls for another', 'shop@id.example/shop for ann'],
] as const)('a subject that could be taken for another is refused: %s', async ([, sub]) => {
  await expect(callerWith({ sub, roles: ['operator'] })).rejects.toThrow(
    'the token is not accepted: its sub',
  );
});

test('a subject may be long, and have spaces', async () => {
  for (const sub of ['x'.repeat(512), 'CN=Ann Bauer,OU=Shop']) {
    expect(await callerWith({ sub, roles: ['operator'] })).toMatchObject({ subject: sub });
  }
});

test('a token is verified again when the time of day was set back', async () => {
  const tokens = newTokens();
  const token = await signToken(key, now(), { claims: { sub: 'ann' } });
  await tokens.read(token);
  expect(tokens.read(token)).not.toBeInstanceOf(Promise);
  time -= 3_600_000;
  expect(tokens.read(token)).toBeInstanceOf(Promise);
});

test.for([
  ['a number', 5],
  ['with a NUL character', 'c-1\0'],
  ['with half a character, which Postgres does not have', 'c-\ud800'],
  ['longer than the contract allows', 'c'.repeat(257)],
] as const)('what is no id of a customer is not read: %s', async ([, customer]) => {
  const claims = { sub: 'ann', roles: ['customer'], customer };
  expect(await callerWith(claims, 'customer')).toMatchObject({ customerId: '' });
});

test('only a customer is one', async () => {
  for (const role of ['none', 'operator', 'service']) {
    expect(await callerWith({ sub: 'c-1', roles: [role] })).toMatchObject({ customerId: '' });
  }
  expect(await callerWith({ sub: 'c-1', roles: ['customer'] })).toMatchObject({ customerId: 'c-1' });
});

test('a token has one spelling: with another it is refused', async () => {
  const token = await signToken(key, now(), { claims: { sub: 'ann' } });
  const tokens = newTokens();
  await tokens.read(token);
  // The last character has four bits that mean nothing.
  const others = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'].map(
    (last) => `${token.slice(0, -1)}${last}`,
  );
  const read = await Promise.allSettled(others.map(async (other) => tokens.read(other)));
  expect(others.filter((_, index) => read[index]?.status === 'fulfilled')).toEqual([token]);
});
