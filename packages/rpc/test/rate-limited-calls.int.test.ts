import { connect as connectTcp } from 'node:net';
import { text } from 'node:stream/consumers';
import { Code, createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport } from '@connectrpc/connect-node';
import { RetryInfoSchema } from '@orderflow/contracts/google/rpc/error_details';
import { Health } from '@orderflow/contracts/grpc/health/v1/health';
import { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { ProductService } from '@orderflow/contracts/orderflow/enrichment/v1/product_service';
import { eventually } from '@orderflow/testing';
import { expect, test } from 'vitest';
import { createRateLimits, errorInfo, errorReason } from '../src/index.ts';
import { newKey, signToken, startIssuer } from './access-fixture.ts';
import { customers, failure, recordingLogger, startServer } from './fixture.ts';
import { send } from './rest-fixture.ts';

/** A server on which each customer and operator may make ten calls at once. The clock of the limits stands still. */
async function startLimited({ perService = 'off' }: { perService?: number | 'off' } = {}) {
  const key = await newKey('k-1');
  const { state, tokens } = await startIssuer(key);
  const recorded = recordingLogger();
  const clock = { now: 1_000_000 };
  const rateLimits = createRateLimits({
    ...{ perCaller: 5, perService, logger: recorded.logger },
    now: () => clock.now,
  });
  let handled = 0;
  const server = await startServer({
    ...{ tokens, rateLimits },
    services: [CustomerService, ProductService],
    routes: (router) =>
      router
        .service(CustomerService, {
          ...customers,
          getCustomer({ customerId }) {
            handled += 1;
            return { customer: { customerId } };
          },
        })
        .service(ProductService, { listProducts: () => ({}) }),
  });
  const headersOf = async (role: string, sub: string) => ({
    authorization: `Bearer ${await signToken(key, state.now, { claims: { sub, roles: [role] } })}`,
  });
  const transport = createGrpcTransport({ baseUrl: server.url });
  const client = createClient(CustomerService, transport);
  const products = createClient(ProductService, transport);
  const get = async (role: string, sub: string) =>
    client.getCustomer({ customerId: 'c-1' }, { headers: await headersOf(role, sub) });
  /** The outcomes of calls, one after the other. */
  async function outcomes(count: number, call: () => Promise<unknown>): Promise<string> {
    const all: string[] = [];
    for (let n = 0; n < count; n++) {
      all.push(
        await call().then(
          () => 'ok',
          (error) => errorReason(error) ?? 'unknown',
        ),
      );
    }
    return all.map((each) => (each === 'ok' ? '.' : each === 'RATE_LIMITED' ? '!' : each)).join('');
  }
  const logged = () => recorded.lines;
  return { ...server, clock, headersOf, client, products, get, outcomes, handled: () => handled, logged };
}

test('a caller is refused above its limit, over every protocol; others are not', async () => {
  const { url, port, clock, headersOf, get, outcomes, handled } = await startLimited();
  expect(await outcomes(12, () => get('customer', 'c-1'))).toBe('..........!!');
  expect(handled()).toBe(10);

  const error = await failure(get('customer', 'c-1'));
  expect(error.code).toBe(Code.ResourceExhausted);
  expect(errorInfo(error)).toMatchObject({ reason: 'RATE_LIMITED', metadata: { limit: '5' } });
  expect(error.findDetails(RetryInfoSchema)[0]?.retryDelay?.seconds).toBe(2n);
  const headers = await headersOf('customer', 'c-1');
  for (const httpVersion of ['1.1', '2'] as const) {
    const overConnect = createClient(CustomerService, createConnectTransport({ baseUrl: url, httpVersion }));
    expect(errorReason(await failure(overConnect.getCustomer({ customerId: 'c-1' }, { headers })))).toBe(
      'RATE_LIMITED',
    );
  }
  clock.now += 500;
  expect(await send(port, { method: 'GET', path: '/customers/c-1', headers })).toMatchObject({
    status: 429,
    headers: { 'retry-after': '2', 'content-type': 'application/problem+json' },
    body: { error: 'rate_limited', code: 'resource_exhausted', metadata: { limit: '5' } },
  });

  expect(await outcomes(10, () => get('operator', 'olga'))).toBe('..........');
  const other = await headersOf('customer', 'c-2');
  expect((await send(port, { method: 'GET', path: '/customers/c-2', headers: other })).status).toBe(200);
  clock.now += 1_500;
  expect(await outcomes(1, () => get('customer', 'c-1'))).toBe('.');
});

test('a refused call is refused before its body has come', async () => {
  const { port, headersOf, get, outcomes } = await startLimited();
  expect(await outcomes(10, () => get('operator', 'olga'))).toBe('..........');
  const { authorization } = await headersOf('operator', 'olga');
  for (const path of ['/orderflow.enrichment.v1.CustomerService/CreateCustomer', '/customers']) {
    const socket = connectTcp({ host: '127.0.0.1', port });
    socket.write(
      `POST ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: ${authorization}\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{`,
    );
    expect(await text(socket)).toMatch(/^HTTP\/1.1 429 /);
  }
});

test('calls weigh what their contract says; those that are denied count, those without a good token do not', async () => {
  const { products, client, headersOf, outcomes } = await startLimited();
  const olga = { headers: await headersOf('operator', 'olga') };
  expect(await outcomes(3, () => products.listProducts({}, olga))).toBe('..!');
  const ann = { headers: await headersOf('customer', 'c-1') };
  const denied = 'PERMISSION_DENIED';
  expect(await outcomes(11, () => client.listCustomers({}, ann))).toBe(`${denied.repeat(10)}!`);
  const bad = { headers: { authorization: 'Bearer a.b.c' } };
  expect(await outcomes(30, () => client.listCustomers({}, bad))).toBe('UNAUTHENTICATED'.repeat(30));
});

test('calls with an x-caller-id that is invalid count, too', async () => {
  const { client, headersOf, outcomes } = await startLimited({ perService: 5 });
  const headers = { ...(await headersOf('service', 'shop')), 'x-caller-id': 'x'.repeat(129) };
  const call = () => client.getCustomer({ customerId: 'c-1' }, { headers });
  expect(await outcomes(12, call)).toBe(`${'INVALID_REQUEST'.repeat(10)}!!`);
});

test('services are not limited, on whose behalf they may call, nor is health', async () => {
  const { url, client, headersOf, outcomes } = await startLimited();
  const shop = await headersOf('service', 'shop');
  let number = 0;
  const forOthers = () => {
    const headers = { ...shop, 'x-caller-id': `caller-${number++ % 2}` };
    return client.getCustomer({ customerId: 'c-1' }, { headers });
  };
  expect(await outcomes(50, forOthers)).toBe('.'.repeat(50));
  const health = createClient(Health, createGrpcTransport({ baseUrl: url }));
  expect(await outcomes(50, () => health.check({}))).toBe('.'.repeat(50));
});

test('the audit has the first refusal of a window, the log a line for all of them', async () => {
  const { clock, get, outcomes, lines, logged } = await startLimited();
  expect(await outcomes(30, () => get('customer', 'c-1'))).toBe(`${'.'.repeat(10)}${'!'.repeat(20)}`);
  clock.now += 2_000;
  expect(await outcomes(30, () => get('customer', 'c-1'))).toBe(`${'.'.repeat(10)}${'!'.repeat(20)}`);
  const audit = () => lines.filter(({ stream }) => stream === 'audit').map(({ outcome }) => outcome);
  await eventually(() => expect(audit()).toEqual(['RATE_LIMITED', 'RATE_LIMITED']));
  expect(lines.filter(({ level }) => level === 'warn')).toEqual([]);
  await eventually(() => expect(logged()).toHaveLength(1));
});
