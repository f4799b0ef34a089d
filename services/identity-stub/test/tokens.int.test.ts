import { decodeJwt, decodeProtectedHeader } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Client, developmentClients } from '../src/domain/clients.ts';
import { personGrantType } from '../src/domain/person.ts';
import { runStub, testConfig } from './running-stub.ts';

let stub: Awaited<ReturnType<typeof runStub>>;

beforeAll(async () => {
  stub = await runStub(testConfig());
});

afterAll(() => stub.stop());

const clients: readonly Client[] = Object.values(developmentClients);
const { order, dev } = developmentClients;
const person = { grant_type: personGrantType };

test.each(clients.filter(({ kind }) => kind !== 'people'))(
  '$id gets tokens of the role $kind for two hours',
  async (client) => {
    const { status, body } = await stub.token(client);
    expect(status).toBe(200);
    expect(body).toEqual({ access_token: expect.any(String), expires_in: 7200, token_type: 'Bearer' });
    const { payload, protectedHeader } = await stub.verify(body.access_token, { issuer: stub.issuer });
    expect(payload).toMatchObject({
      iss: stub.issuer,
      aud: 'orderflow',
      sub: client.id,
      roles: client.kind === 'tool' ? ['operator', 'service'] : [client.kind],
    });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(7200);
    expect(protectedHeader).toMatchObject({ alg: 'RS256', typ: 'at+jwt', kid: expect.any(String) });
  },
);

test.each(['customer', 'operator'])('the client of people gets the token of any %s', async (role) => {
  const { status, body } = await stub.token(dev, { ...person, role, subject: 'c-1' });
  expect(status).toBe(200);
  const { payload } = await stub.verify(body.access_token, { issuer: stub.issuer });
  expect(payload).toMatchObject({ aud: 'orderflow', sub: 'c-1', roles: [role] });
  expect(body.expires_in).toBe(43_200);
  expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(43_200);
});

test.each([
  [{}, 'role'],
  [{ role: 'service', subject: 'c-1' }, 'role'],
  [{ role: 'customer' }, 'subject'],
  [{ role: 'customer', subject: 'c 1' }, 'subject'],
  [{ role: 'customer', subject: 'c'.repeat(129) }, 'subject'],
])('a person %j is refused, and the parameter is named', async (parameters, named) => {
  const { status, body } = await stub.token(dev, { ...person, ...parameters });
  expect(status).toBe(400);
  expect(body.error).toBe('invalid_request');
  expect(body.error_description).toContain(named);
});

test('a service gets no tokens of people, and their client none for itself', async () => {
  const ofPerson = await stub.token(order, { ...person, role: 'operator', subject: 'ann' });
  expect([ofPerson.status, ofPerson.body.access_token]).toEqual([400, undefined]);
  const ofDev = await stub.token(dev);
  expect([ofDev.status, ofDev.body.access_token]).toEqual([400, undefined]);
});

test('the parameters of a person change nothing in the token of a service', async () => {
  const { body } = await stub.token(order, { role: 'operator', subject: 'ann' });
  expect(decodeJwt(body.access_token ?? '')).toMatchObject({ sub: 'order', roles: ['service'] });
});

test.each([
  ['a wrong secret', { id: 'order', secret: 'wrong' }],
  ['the secret of another client', { id: 'order', secret: 'payment-secret' }],
  ['an unknown client', { id: 'stranger', secret: 'order-secret' }],
])('%s is refused with 401', async (_, credentials) => {
  const { status, headers, body } = await stub.token(credentials);
  expect([status, body.error, body.access_token]).toEqual([401, 'invalid_client', undefined]);
  expect(headers.get('www-authenticate')).toMatch(/^Basic /);
});

test('there are tokens for one resource, which need not be named, and for no other', async () => {
  const named = await stub.token(order, { resource: 'urn:orderflow' });
  expect(decodeJwt(named.body.access_token ?? '').aud).toBe('orderflow');
  const other = await stub.token(order, { resource: 'urn:other' });
  expect([other.status, other.body.error]).toEqual([400, 'invalid_target']);
});

test('discovery leads to the keys and to the tokens', async () => {
  const response = await fetch(`${stub.baseUrl}/.well-known/openid-configuration`);
  const discovered = (await response.json()) as Record<string, unknown>;
  expect(discovered).toMatchObject({
    issuer: stub.issuer,
    jwks_uri: `${stub.baseUrl}/jwks`,
    token_endpoint: `${stub.baseUrl}/token`,
    grant_types_supported: expect.arrayContaining(['client_credentials', personGrantType]),
  });
});

test('the keys are public', async () => {
  const { keys } = await stub.keySet();
  expect(keys).toHaveLength(1);
  for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi']) expect(keys[0]).not.toHaveProperty(secret);
});

test('the issuer, the clients and the lifetimes are settings', async () => {
  const other = await runStub(
    testConfig({
      IDENTITY_ISSUER: 'https://id.example',
      IDENTITY_CLIENTS: 'shop:s3cret:customer, people:their/secret+1:people',
      IDENTITY_CLIENT_TOKEN_LIFETIME: '90s',
      IDENTITY_PERSON_TOKEN_LIFETIME: '1s',
    }),
  );
  const shop = await other.token({ id: 'shop', secret: 's3cret' });
  expect(shop.body.expires_in).toBe(90);
  const { payload } = await other.verify(shop.body.access_token, { issuer: 'https://id.example' });
  expect(payload).toMatchObject({ sub: 'shop', roles: ['customer'] });
  const { id, secret } = { id: 'people', secret: encodeURIComponent('their/secret+1') };
  const ann = await other.token({ id, secret }, { ...person, role: 'operator', subject: 'ann' });
  expect(ann.body.expires_in).toBe(1);
  expect((await other.token(order)).status).toBe(401);
  await other.stop();
});

test('pages about health and metrics are those of every process', async () => {
  for (const path of ['/up', '/health', '/health/live', '/health/ready', '/health/detailed', '/metrics']) {
    expect((await fetch(`${stub.baseUrl}${path}`)).status, path).toBe(200);
  }
  expect(await (await fetch(`${stub.baseUrl}/metrics`)).text()).toContain('service_name="identity-stub"');
  expect((await fetch(`${stub.baseUrl}/health`, { method: 'POST' })).status).toBe(405);
  expect((await fetch(`${stub.baseUrl}/nothing`)).status).toBe(404);
});

test('a body that is too large or no form is refused', async () => {
  const post = (body: string, type: string) =>
    fetch(`${stub.baseUrl}/token`, { method: 'POST', headers: { 'content-type': type }, body });
  const form = 'application/x-www-form-urlencoded';
  const large = await post(`grant_type=client_credentials&scope=${'x'.repeat(200_000)}`, form);
  expect([large.status, await large.json()]).toEqual([
    400,
    expect.objectContaining({ error: 'invalid_request' }),
  ]);
  expect((await post('{"grant_type":"client_credentials"}', 'application/json')).status).toBe(400);
});

test('a token names its key', async () => {
  const { body } = await stub.token(order);
  const { keys } = await stub.keySet();
  expect(decodeProtectedHeader(body.access_token ?? '').kid).toBe(keys[0]?.kid);
});
