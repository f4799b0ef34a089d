import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { createClient } from '@connectrpc/connect';
import { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { eventually } from '@orderflow/testing';
import { expect, onTestFinished, test } from 'vitest';
import { unauthenticated } from '../src/access/tokens.ts';
import {
  createOwnTokens,
  createRpcTransport,
  errorReason,
  type OwnTokens,
  type Tokens,
  wasNotSent,
} from '../src/index.ts';
import { failure, recordingLogger, startServer } from './fixture.ts';

/** A token endpoint whose tokens are numbered and live for an hour of the test's clock. */
async function startTokenEndpoint(clientId = 'order') {
  const state = { now: 0, requests: [] as string[], status: 200, body: undefined as string | undefined };
  const server = createServer(async (req, res) => {
    state.requests.push(`${req.headers.authorization} ${await text(req)}`);
    const token = { access_token: `token-${state.requests.length}`, expires_in: 3600 };
    res.writeHead(state.status).end(state.body ?? JSON.stringify(token));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { logger, lines } = recordingLogger();
  const options = {
    tokenUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    ...{ clientId, clientSecret: 's:e/cret', audience: 'orderflow', logger, now: () => state.now },
  };
  return { state, lines, options, tokens: createOwnTokens(options) };
}

test('many calls at once fetch one token, by client credentials', async () => {
  const { state, tokens, lines } = await startTokenEndpoint();
  const all = await Promise.all(Array.from({ length: 100 }, async () => tokens.current()));
  expect(new Set(all)).toEqual(new Set(['token-1']));
  const [request = ''] = state.requests;
  const [, basic = '', body] = request.split(' ');
  expect(Buffer.from(basic, 'base64').toString()).toBe('order:s%3Ae%2Fcret');
  expect(body).toBe('grant_type=client_credentials&audience=orderflow');
  expect(JSON.stringify(lines)).not.toContain('cret');
});

test('with a scope it asks for that', async () => {
  const { state, options } = await startTokenEndpoint();
  await createOwnTokens({ ...options, scope: 'api://orderflow/.default' }).current();
  expect(state.requests[0]).toContain('grant_type=client_credentials&scope=api%3A%2F%2Forderflow%2F.default');
});

test('a token is renewed at half its life, while calls go on with it, and is used to its end without an issuer', async () => {
  const { state, tokens } = await startTokenEndpoint();
  expect(await tokens.current()).toBe('token-1');
  state.now = 1_799_000;
  expect(tokens.current()).toBe('token-1');
  expect(state.requests).toHaveLength(1);
  state.now = 1_800_000;
  expect(tokens.current()).toBe('token-1');
  await eventually(() => expect(tokens.current()).toBe('token-2'));
  state.status = 503;
  state.now = 1_800_000 + 3_599_000;
  expect(tokens.current()).toBe('token-2');
  await eventually(() => expect(state.requests).toHaveLength(3));
  state.now += 1_000;
  const error = await failure(Promise.resolve(tokens.current()));
  expect(errorReason(error)).toBe('DEPENDENCY_UNAVAILABLE');
});

test.for([
  ['an error', 401, '{"error":"invalid_client"}'],
  ['no JSON', 200, '<html>'],
  ['no token', 200, '{"expires_in":3600}'],
  ['no lifetime', 200, '{"access_token":"t"}'],
] as const)('%s is an outage, tried again after a second', async ([, status, body]) => {
  const { state, tokens, lines } = await startTokenEndpoint();
  Object.assign(state, { status, body });
  for (let call = 0; call < 20; call += 1) {
    const error = await failure(Promise.resolve(tokens.current()));
    expect([errorReason(error), wasNotSent(error)]).toEqual(['DEPENDENCY_UNAVAILABLE', true]);
  }
  expect(state.requests).toHaveLength(1);
  expect(lines).toEqual([expect.objectContaining({ level: 'warn', client: 'order' })]);
  if (status === 401) expect(JSON.stringify(lines)).toContain('the status is 401: invalid_client');
  Object.assign(state, { status: 200, body: undefined, now: 1_000 });
  expect(await tokens.current()).toBe('token-2');
});

test('no token that the peer accepts is an outage for the call; one that it refuses is replaced for the next', async () => {
  const { tokens, state } = await startTokenEndpoint();
  const caller = {
    issuer: '',
    subject: 'order',
    customerId: '',
    onBehalfOf: undefined,
    id: 'order',
    expiresAt: 0,
  };
  const good: Tokens = {
    read(token) {
      if (token === 'token-1') throw unauthenticated('its key is gone');
      return { ...caller, roles: new Set([3] as const) };
    },
  };
  const { url } = await startServer({ tokens: good });
  const { logger } = recordingLogger();
  const clientWith = (ownTokens: OwnTokens | undefined) => {
    const transport = createRpcTransport({
      ...{ name: 'customers', baseUrl: url, ownTokens, logger },
      policies: { retries: 0 },
    });
    onTestFinished(() => transport.close());
    return createClient(CustomerService, transport);
  };
  const refusalOf = async (client: ReturnType<typeof clientWith>) => {
    const error = await failure(client.getCustomer({ customerId: 'c-1' }));
    return [errorReason(error), error.rawMessage, wasNotSent(error)];
  };
  const client = clientWith(tokens);
  const [outage, isUnsent] = ['DEPENDENCY_UNAVAILABLE', true];
  expect(await refusalOf(client)).toEqual([outage, 'customers: our token is refused', isUnsent]);
  expect(await refusalOf(clientWith(undefined))).toEqual([
    outage,
    'customers: it needs a token, and AUTH_CLIENT_ID is not set',
    isUnsent,
  ]);
  const none = await failure(Promise.resolve(tokens.current()));
  expect(none.cause).toEqual(new Error('a peer has refused the last one'));
  state.now += 1_000;
  expect((await client.getCustomer({ customerId: 'c-1' })).customer?.customerId).toBe('c-1');
});
