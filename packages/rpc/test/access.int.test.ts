import { connect as connectTcp } from 'node:net';
import { text } from 'node:stream/consumers';
import { createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport } from '@connectrpc/connect-node';
import { Health } from '@orderflow/contracts/grpc/health/v1/health';
import { eventually } from '@orderflow/testing';
import { describe, expect, test } from 'vitest';
import { callerIdOf, createTokens, errorInfo, errorReason } from '../src/index.ts';
import {
  audience,
  issuer as issuerName,
  newKey,
  type Says,
  signToken,
  startIssuer,
} from './access-fixture.ts';
import { customerClient, customers, failure, protocols, startServer } from './fixture.ts';
import { send } from './rest-fixture.ts';

/** A server that requires tokens, its issuer, and what its handlers learnt of their callers. */
async function startProtected(overrides: Parameters<typeof startServer>[0] = {}) {
  const key = await newKey('k-1');
  const issuer = await startIssuer(key);
  const callers: string[] = [];
  const server = await startServer({
    tokens: issuer.tokens,
    implementation: {
      ...customers,
      getCustomer({ customerId }, context) {
        callers.push(callerIdOf(context));
        return { customer: { customerId } };
      },
      createCustomer: () => ({ customer: { customerId: 'c-9' } }),
    },
    ...overrides,
  });
  const sign = (role: string, sub: string, says: Says = {}) =>
    signToken(key, issuer.state.now, { claims: { sub, roles: [role] }, ...says });
  const client = customerClient(createGrpcTransport({ baseUrl: server.url }));
  const get = (token: string, headers: Record<string, string> = {}) =>
    client.getCustomer({ customerId: 'c-1' }, { headers: { authorization: `Bearer ${token}`, ...headers } });
  return { ...server, ...issuer, key, callers, sign, client, get };
}

describe('keys', () => {
  test('are rotated under load without a failed call', async () => {
    const { state, sign, get } = await startProtected();
    const next = await newKey('k-2', 'RS256');
    let isRotated = false;
    let calls = 0;
    const caller = async (number: number) => {
      for (let call = 0; call < 40; call += 1) {
        if (calls === 100) {
          state.keys = [...state.keys, next];
          isRotated = true;
        }
        // Each call has a token of its own, so that none is remembered.
        const claims = { sub: 'c-1', roles: ['customer'], jti: `${number}-${call}` };
        await get(await sign('', '', { claims, ...(isRotated && { key: next }) }));
        calls += 1;
      }
    };
    await Promise.all(Array.from({ length: 8 }, (_, number) => caller(number)));
    expect(calls).toBe(320);
    expect(state.fetches).toBe(2);
  });

  test('are good for a day while their issuer is unavailable; then tokens cannot be verified, which is no fault of theirs', async () => {
    const { state, sign, get } = await startProtected();
    await get(await sign('customer', 'c-1'));
    state.respond = () => ({ status: 503, body: '' });
    for (const hours of [1, 22]) {
      state.now += hours * 3_600_000;
      await get(await sign('customer', 'c-1'));
    }
    state.now += 2 * 3_600_000;
    expect(errorReason(await failure(get(await sign('customer', 'c-1'))))).toBe('DEPENDENCY_UNAVAILABLE');
    state.respond = undefined;
    state.now += 1_000;
    await get(await sign('customer', 'c-1'));
  });

  test('that are all taken out end their tokens, which are good again with the keys', async () => {
    const { state, sign, get } = await startProtected();
    await get(await sign('customer', 'c-1'));
    state.respond = () => ({ status: 200, body: '{"keys":[]}' });
    state.now += 10 * 60_000;
    await get(await sign('customer', 'c-1'));
    await eventually(async () =>
      expect(errorReason(await failure(get(await sign('customer', 'c-1'))))).toBe('DEPENDENCY_UNAVAILABLE'),
    );
    state.respond = undefined;
    state.now += 1_000;
    await get(await sign('customer', 'c-1'));
  });

  test.for([
    ['an error', { status: 500, body: '' }],
    ['no JSON', { status: 200, body: '<html>' }],
    ['no set', { status: 200, body: '{}' }],
    ['an empty set', { status: 200, body: '{"keys":[]}' }],
    ['more than 1 MiB', { status: 200, body: `{"keys":[],"x":"${'x'.repeat(1_100_000)}"}` }],
  ] as const)('none at all is an outage, not a bad token: the issuer sends %s', async ([, response]) => {
    const { state, sign, get } = await startProtected();
    state.respond = () => response;
    const error = await failure(get(await sign('customer', 'c-1')));
    expect(errorReason(error)).toBe('DEPENDENCY_UNAVAILABLE');
    expect(error.rawMessage).toContain('the keys of their issuer cannot be fetched');
    state.respond = undefined;
    state.now += 1_000;
    await get(await sign('customer', 'c-1'));
  });

  test('10,000 made-up key ids cause one fetch in 30 s', async () => {
    const { state, tokens, key, now } = await startProtected();
    const claims = { sub: 'c-1', roles: ['customer'] };
    await tokens.read(await signToken(key, now(), { claims }));
    const made = await signToken(key, now(), { claims });
    const [, payload, signature] = made.split('.');
    for (let batch = 0; batch < 10; batch += 1) {
      const reads = Array.from({ length: 1_000 }, async (_, number) => {
        const header = Buffer.from(JSON.stringify({ alg: 'ES256', kid: `${batch}-${number}` })).toString(
          'base64url',
        );
        return tokens.read(`${header}.${payload}.${signature}`);
      });
      const results = await Promise.allSettled(reads);
      expect(results.every(({ status }) => status === 'rejected')).toBe(true);
    }
    expect(state.fetches).toBe(2);
    state.now += 30_000;
    const unknown = await signToken(await newKey('another'), now(), { claims });
    await expect(async () => tokens.read(unknown)).rejects.toThrow('no such key');
    expect(state.fetches).toBe(3);
  });
});

describe('a token', () => {
  test('is verified once a minute', async () => {
    const { state, sign, get, key, tokens } = await startProtected();
    const token = await sign('customer', 'c-1');
    await get(token);
    expect(tokens.read(token)).not.toBeInstanceOf(Promise);
    state.now += 60_000;
    expect(tokens.read(token)).toBeInstanceOf(Promise);
    // It was good for a minute after its end, if it was remembered longer than it lives.
    const short = await sign('customer', 'c-1', { key, expiresIn: 5 });
    await get(short);
    state.now += 35_000;
    expect((await failure(get(short))).rawMessage).toContain('it has expired');
  });

  test('says who calls; the header x-caller-id says only for whom a service does', async () => {
    const { sign, get, callers } = await startProtected();
    const header = { 'x-caller-id': 'ann' };
    await get(await sign('customer', 'c-1'), header);
    // It is not read, so that it cannot be invalid, nor hide from the audit what they were not allowed.
    await get(await sign('operator', 'olga'), { 'x-caller-id': 'x'.repeat(129) });
    await get(await sign('service', 'shop'), header);
    await get(await sign('service', 'shop'));
    expect(callers).toEqual([
      'c-1@id.example/shop',
      'olga@id.example/shop',
      'shop@id.example/shop for ann',
      'shop@id.example/shop',
    ]);
  });

  test('of 70 KB is refused, and harms no other call', async () => {
    const { url, port, sign, get, callers } = await startProtected();
    const long = await sign('operator', 'olga', { claims: { sub: 'o', padding: 'x'.repeat(70_000) } });
    const authorization = `Bearer ${long}`;
    const rest = await send(port, { method: 'GET', path: '/customers/c-1', headers: { authorization } });
    expect(rest.status).toBe(431);
    const own = customerClient(createGrpcTransport({ baseUrl: url }));
    await failure(own.getCustomer({ customerId: 'c-1' }, { headers: { authorization } }));
    expect(callers).toEqual([]);
    await get(await sign('customer', 'c-1'));
  });
});

describe('without a token', () => {
  test('a call is refused before its body has come, over HTTP/1.1', async () => {
    const { port } = await startProtected();
    for (const [path, type] of [
      ['/orderflow.enrichment.v1.CustomerService/GetCustomer', 'application/json'],
      ['/customers', 'application/json'],
    ] as const) {
      const socket = connectTcp({ host: '127.0.0.1', port });
      socket.write(
        `POST ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: ${type}\r\ncontent-length: 1000\r\n\r\n{`,
      );
      expect(await text(socket)).toMatch(/^HTTP\/1.1 401 [\s\S]*www-authenticate: Bearer\r\n/i);
    }
  });

  test('health and pages respond, and a preflight passes', async () => {
    const { url, port } = await startProtected({ cors: { allowedOrigins: ['https://shop.example'] } });
    const health = createClient(Health, createConnectTransport({ baseUrl: url, httpVersion: '1.1' }));
    expect((await health.check({})).status).toBeDefined();
    for (const path of ['/health', '/health/ready', '/openapi.json', '/metrics']) {
      expect((await send(port, { method: 'GET', path })).status).toBe(200);
    }
    const preflight = await send(port, {
      method: 'OPTIONS',
      path: '/customers/c-1',
      headers: {
        origin: 'https://shop.example',
        'access-control-request-method': 'PUT',
        'access-control-request-headers': 'authorization',
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers['access-control-allow-headers']).toContain('Authorization');
  });
});

test('a caller that goes away while its token is verified ends the call, and nothing else', async () => {
  const { url, state, sign, get, callers, lines } = await startProtected();
  const fetched = Promise.withResolvers<void>();
  const respond = () => {
    fetched.resolve();
    return { status: 200, body: JSON.stringify({ keys: state.keys.map(({ jwk }) => jwk) }) };
  };
  state.respond = respond;
  const leaving = new AbortController();
  const authorization = `Bearer ${await sign('customer', 'c-1')}`;
  const call = customerClient(createGrpcTransport({ baseUrl: url })).getCustomer(
    { customerId: 'c-1' },
    { headers: { authorization }, signal: leaving.signal },
  );
  const ended = expect(call).rejects.toThrow();
  await fetched.promise;
  leaving.abort();
  await ended;
  await get(await sign('customer', 'c-1'));
  expect(callers.length).toBeLessThanOrEqual(2);
  expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
});

test('a call whose token cannot be verified in its time ends with DEADLINE_EXCEEDED, over every protocol', async () => {
  const key = await newKey('k-1');
  const { promise: never } = Promise.withResolvers<never>();
  const terms = { issuer: issuerName, audience, rolesClaim: 'roles', customerClaim: 'sub' };
  const tokens = createTokens(terms, { findKey: () => never, now: Date.now });
  const { url } = await startServer({ tokens });
  const authorization = `Bearer ${await signToken(key, Date.now(), { claims: { sub: 'c-1' } })}`;
  for (const transport of Object.values(protocols)) {
    const call = customerClient(transport(url)).getCustomer(
      { customerId: 'c-1' },
      // Of the client none, so that the response of the server counts.
      { headers: { authorization, 'grpc-timeout': '50m', 'connect-timeout-ms': '50' } },
    );
    expect(errorReason(await failure(call))).toBe('DEADLINE_EXCEEDED');
  }
});

test('what a caller sends is short in the error and in the audit', async () => {
  const { client, sign, lines } = await startProtected();
  const headers = { authorization: `Bearer ${await sign('customer', 'c-1')}` };
  const error = await failure(client.getCustomer({ customerId: 'é'.repeat(15_000) }, { headers }));
  expect(errorInfo(error)?.metadata).toEqual({ customer_id: `${'é'.repeat(30)}…` });
  const object = () => lines.find(({ stream }) => stream === 'audit')?.['object'];
  await eventually(() => expect(object()).toBe(`${'é'.repeat(510)}…`));
});

test('the audit has a line for each call that changes something, or is not allowed, whatever LOG_LEVEL is', async () => {
  const { client, sign, get, lines } = await startProtected();
  const authorization = async (role: string, sub: string) => `Bearer ${await sign(role, sub)}`;
  await get(await sign('operator', 'olga'));
  await client.createCustomer(
    { customer: { customerId: 'c-9', name: 'Ann' }, requestId: 'r-1' },
    { headers: { authorization: await authorization('service', 'crm'), 'x-caller-id': 'olga' } },
  );
  await failure(
    client.createCustomer(
      { customer: { customerId: 'c-9', name: 'Ann' } },
      { headers: { authorization: await authorization('customer', 'c-1') } },
    ),
  );
  await failure(
    client.listCustomers({}, { headers: { authorization: await authorization('customer', 'c-1') } }),
  );
  await failure(client.listCustomers({}));
  const audit = () =>
    lines
      .filter(({ stream }) => stream === 'audit')
      .map(({ subject, on_behalf_of, method, object, outcome, request_id }) => [
        ...[subject, on_behalf_of, String(method).split('/')[1], object, outcome, request_id],
      ]);
  await eventually(() =>
    expect(audit()).toEqual([
      ['crm', 'olga', 'CreateCustomer', 'c-9', 'ok', 'r-1'],
      ['c-1', undefined, 'CreateCustomer', '', 'PERMISSION_DENIED', ''],
      ['c-1', undefined, 'ListCustomers', '', 'PERMISSION_DENIED', ''],
    ]),
  );
  expect(lines.some((line) => JSON.stringify(line).includes('eyJ'))).toBe(false);
});

test('the audit has a second line for a call that is carried out after its caller has gone', async () => {
  const entered = Promise.withResolvers<void>();
  const carriedOut = Promise.withResolvers<void>();
  const { client, sign, lines } = await startProtected({
    implementation: {
      async createCustomer({ customer }) {
        entered.resolve();
        await carriedOut.promise;
        return { customer: customer ?? {} };
      },
    },
  });
  const leaving = new AbortController();
  const headers = { authorization: `Bearer ${await sign('operator', 'olga')}` };
  const customer = { customerId: 'c-9', name: 'Ann' };
  const ended = expect(
    client.createCustomer({ customer }, { headers, signal: leaving.signal }),
  ).rejects.toThrow();
  await entered.promise;
  leaving.abort();
  await ended;
  const audit = () =>
    lines.filter(({ stream }) => stream === 'audit').map(({ object, outcome }) => [object, outcome]);
  await eventually(() => expect(audit()).toEqual([['c-9', 'canceled']]));
  carriedOut.resolve();
  await eventually(() =>
    expect(audit()).toEqual([
      ['c-9', 'canceled'],
      ['c-9', 'ok'],
    ]),
  );
});

test('what is wrong with refused tokens is in one line of the log, with numbers', async () => {
  const { client, sign, get, lines } = await startProtected();
  for (let call = 0; call < 3; call += 1) await failure(client.getCustomer({ customerId: 'c-1' }));
  await failure(get(await sign('customer', 'c-1', { expiresIn: -60 })));
  const warnings = () => lines.filter(({ msg }) => msg.startsWith('calls were refused for their tokens'));
  await eventually(() => expect(warnings()).toHaveLength(1));
  const [first = {}] = warnings();
  expect(Object.keys(first).filter((key) => /token/.test(key))).not.toEqual([]);
});
