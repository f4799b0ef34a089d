import { Code, ConnectError, createClient, type HandlerContext, type ServiceImpl } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { BadRequestSchema } from '@orderflow/contracts/google/rpc/error_details';
import { Health } from '@orderflow/contracts/grpc/health/v1/health';
import { ServerReflection } from '@orderflow/contracts/grpc/reflection/v1/reflection';
import { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { ProductService } from '@orderflow/contracts/orderflow/enrichment/v1/product_service';
import { InventoryService } from '@orderflow/contracts/orderflow/inventory/v1/inventory_service';
import { NotificationService } from '@orderflow/contracts/orderflow/notification/v1/notification_service';
import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { PaymentService } from '@orderflow/contracts/orderflow/payment/v1/payment_service';
import { createProxy } from '@orderflow/testing';
import { expect, onTestFinished, test } from 'vitest';
import {
  createRpcTransport,
  errorReason,
  type RpcPolicies,
  type RpcServerOptions,
  rpcError,
} from '../src/index.ts';
import { failure, recordingLogger, serviceError, startServer } from './fixture.ts';
import { send, startRestServer } from './rest-fixture.ts';
import { vectors } from './rest-vectors/index.ts';

const others = [CustomerService, ProductService, InventoryService, PaymentService, NotificationService];

/** A server of orders that forwards everything else to this peer. */
async function startDoor(peerUrl: string, policies: Partial<RpcPolicies> = {}) {
  const { logger } = recordingLogger();
  const transport = createRpcTransport({ name: 'peer', baseUrl: peerUrl, policies, logger });
  onTestFinished(() => transport.close());
  return startServer({
    routes: (router) => router.service(OrderService, { getOrder: () => ({ order: { orderId: 'o-1' } }) }),
    services: [OrderService],
    forwarded: [{ methods: others.flatMap(({ methods }) => methods), transport }],
  });
}

/** A peer with customers only. */
async function startPeer(
  implementation: Partial<ServiceImpl<typeof CustomerService>>,
  options: Partial<RpcServerOptions> = {},
) {
  const routes: RpcServerOptions['routes'] = (router) => router.service(CustomerService, implementation);
  return startServer({ routes, services: [CustomerService], ...options });
}

const read = { method: 'GET', path: '/customers/c-1' };
const write = {
  method: 'PUT',
  path: '/customers/c-1',
  headers: { 'content-type': 'application/json' },
  body: '{"name":"Ann"}',
};

const isForwarded =
  /^\w+ (?:\/api\/v1)?\/(?:customers|products|inventory|reservations|payments|notifications)\b/;

test('requests get what they get from the service itself', async () => {
  const peer = await startRestServer();
  const door = await startDoor(peer.url);
  const requests = vectors.filter(({ send }) => isForwarded.test(send));
  expect(requests.length).toBeGreaterThan(40);
  for (const { send: line, headers, json, raw } of requests) {
    const [method = '', path = ''] = line.split(/ (.*)/);
    const body = json === undefined ? raw : JSON.stringify(json);
    const type = json === undefined ? {} : { 'content-type': 'application/json' };
    const request = { method, path, headers: { ...type, ...headers }, ...(body !== undefined && { body }) };
    const direct = await send(peer.port, request);
    const called = peer.calls.splice(0);
    const forwarded = await send(door.port, request);
    expect(peer.calls.splice(0), line).toEqual(called);
    const shown = ({ status, body, headers }: typeof direct) => ({
      ...{ status, body: withoutErrorId(body) },
      headers: { ...headers, date: '', 'content-length': '' },
    });
    expect(shown(forwarded), line).toEqual(shown(direct));
  }
});

function withoutErrorId(body: unknown): unknown {
  return JSON.parse(JSON.stringify(body).replace(/"error_id":"[^"]+"/g, '"error_id":""'));
}

test('they are not served over RPC, nor listed as such, but where REST is', async () => {
  const peer = await startRestServer();
  const { url, port } = await startDoor(peer.url);
  const grpc = createGrpcTransport({ baseUrl: url });
  const called = createClient(CustomerService, grpc).getCustomer({ customerId: 'c-1' });
  expect(errorReason(await failure(called))).toBe('UNIMPLEMENTED');
  const path = `/${CustomerService.typeName}/GetCustomer`;
  const json = { 'content-type': 'application/json' };
  expect(await send(port, { method: 'POST', path, headers: json, body: '{}' })).toMatchObject({
    status: 404,
  });
  const health = createClient(Health, grpc).check({ service: CustomerService.typeName });
  expect(errorReason(await failure(health))).toBe('SERVICE_UNKNOWN');
  async function* question() {
    yield { messageRequest: { case: 'listServices', value: '' } as const };
  }
  for await (const { messageResponse } of createClient(ServerReflection, grpc).serverReflectionInfo(
    question(),
  )) {
    expect(JSON.stringify(messageResponse.value)).toContain(OrderService.typeName);
    expect(JSON.stringify(messageResponse.value)).not.toContain('orderflow.enrichment');
  }
  for (const root of ['/', '/api/v1', '/api/v1/']) {
    expect((await send(port, { method: 'GET', path: root })).body, root).toMatchObject({
      served: {
        services: expect.not.arrayContaining([CustomerService.typeName]),
        rest: expect.arrayContaining(['GET /orders', 'PUT /inventory/{product_id}', 'GET /payments']),
      },
    });
  }
  expect(peer.calls).toEqual([]);
});

test('a call keeps its caller, its trace and its deadline', async () => {
  const seen: HandlerContext[] = [];
  const timeouts: (number | undefined)[] = [];
  const peer = await startPeer({
    getCustomer({ customerId }, context) {
      seen.push(context);
      timeouts.push(context.timeoutMs());
      return { customer: { customerId } };
    },
  });
  const { port } = await startDoor(peer.url);
  const trace = '0af7651916cd43dd8448eb211c80319c';
  const headers = {
    'x-caller-id': 'shop',
    'connect-timeout-ms': '1000',
    traceparent: `00-${trace}-b7ad6b7169203331-01`,
  };
  expect(await send(port, { ...read, headers })).toMatchObject({ status: 200 });
  expect(await send(port, read)).toMatchObject({ status: 200 });
  expect(seen.map(({ requestHeader }) => requestHeader.get('x-caller-id'))).toEqual(['shop', null]);
  expect(seen[0]?.requestHeader.get('traceparent')).toContain(trace);
  expect(timeouts[0]).toBeGreaterThan(0);
  expect(timeouts[0]).toBeLessThanOrEqual(1000);
  // That of an attempt.
  expect(timeouts[1]).toBeGreaterThan(1000);
  expect(await send(port, { ...read, headers: { 'x-caller-id': 'é'.repeat(200) } })).toMatchObject({
    status: 400,
    body: { violations: [{ field: 'x-caller-id' }] },
  });
  expect(seen).toHaveLength(2);
});

test('an error of the service reaches the caller as it is', async () => {
  const errors = [
    serviceError('CUSTOMER_NOT_FOUND', 'no such customer', { customer_id: 'c-1' }),
    serviceError('VERSION_MISMATCH', 'the customer has changed'),
    serviceError('ORDER_REFUSED', 'of another version'),
    rpcError('REQUEST_ID_REUSED', 'request_id r was used'),
    rpcError('INVALID_REQUEST', 'name: is rude', {}, [
      {
        desc: BadRequestSchema,
        value: { fieldViolations: [{ field: 'name', description: 'is rude', reason: 'polite' }] },
      },
    ]),
    rpcError('DEPENDENCY_UNAVAILABLE', 'a store is unavailable'),
    new TypeError('secret text of a bug'),
  ];
  const peer = await startPeer({
    getCustomer() {
      throw errors[0];
    },
  });
  const { port, lines } = await startDoor(peer.url, { retries: 0 });
  const statuses: number[] = [];
  for (; errors.length > 0; errors.shift()) {
    const direct = await send(peer.port, read);
    const forwarded = await send(port, read);
    statuses.push(forwarded.status);
    // Other than the service itself, this one does not know all of its reasons.
    const shown = ({ body }: typeof direct) => ({
      ...(withoutErrorId(body) as object),
      status: 0,
      title: '',
    });
    expect(shown(forwarded)).toEqual(shown(direct));
    expect(forwarded.headers['retry-after']).toBe(direct.headers['retry-after']);
  }
  expect(statuses).toEqual([404, 412, 409, 422, 400, 503, 500]);
  // The line of the service has the stack, that of this one the same id.
  const failed = lines.find(({ msg }) => msg === 'call failed');
  expect(failed?.['error_id']).toBe(
    peer.lines.filter(({ msg }) => msg === 'call failed').at(-1)?.['error_id'],
  );
});

test('an error without a reason gets one', async () => {
  let code = Code.Unavailable;
  const peer = await startPeer(
    {
      getCustomer() {
        throw new ConnectError('of another program', code);
      },
    },
    { policies: { declaredReasons: false } },
  );
  const { port } = await startDoor(peer.url, { retries: 0 });
  const reasonFor = async (next: Code) => {
    code = next;
    return ((await send(port, read)).body as { error: string }).error;
  };
  expect(await reasonFor(Code.Unavailable)).toBe('dependency_unavailable');
  expect(await reasonFor(Code.DeadlineExceeded)).toBe('deadline_exceeded');
  expect(await reasonFor(Code.Unimplemented)).toBe('unimplemented');
  expect(await reasonFor(Code.NotFound)).toBe('not_found');
  expect(await send(port, read)).toMatchObject({ status: 404, body: { message: 'of another program' } });
  expect(await reasonFor(Code.FailedPrecondition)).toBe('failed_precondition');
  expect((await send(port, read)).status).toBe(409);
  expect(await reasonFor(Code.Unknown)).toBe('internal');
  // That this server may not call it is not the fault of the caller.
  expect(await reasonFor(Code.Unauthenticated)).toBe('dependency_unavailable');
});

test('reads are repeated, and writes that have a key', async () => {
  let calls = 0;
  const failingOnce = () => {
    if (calls++ === 0) throw rpcError('DEPENDENCY_UNAVAILABLE', 'a store is unavailable');
    return { customer: { customerId: 'c-1' } };
  };
  const peer = await startPeer({ getCustomer: failingOnce, putCustomer: failingOnce });
  const { port } = await startDoor(peer.url, { retryDelayMs: 1 });
  const withKey = { ...write, headers: { ...write.headers, 'idempotency-key': 'k-1' } };
  for (const [request, status, count] of [
    [read, 200, 2],
    [write, 503, 1],
    [withKey, 200, 2],
  ] as const) {
    calls = 0;
    expect(await send(port, request)).toMatchObject({ status });
    expect(calls).toBe(count);
  }
});

test('a service that is unavailable is 503 and says when to repeat, one that is frozen 504, and then 503 at once', async () => {
  const peer = await startPeer({ getCustomer: () => ({ customer: { customerId: 'c-1' } }) });
  await using proxy = await createProxy({ target: peer.port });
  const policies = { retries: 0, tryTimeoutMs: 200, totalTimeoutMs: 400, breakerFailures: 2 };
  const away = await startDoor(`http://127.0.0.1:${proxy.port}`, policies);
  const frozen = await startDoor(`http://127.0.0.1:${proxy.port}`, policies);
  expect(await send(away.port, read)).toMatchObject({ status: 200 });
  expect(await send(frozen.port, read)).toMatchObject({ status: 200 });

  proxy.freeze();
  for (let failures = 0; failures < 2; failures++) {
    expect(await send(frozen.port, read)).toMatchObject({
      status: 504,
      body: { error: 'deadline_exceeded', message: expect.stringMatching(/\w/) },
    });
  }
  const open = await send(frozen.port, read);
  expect(open).toMatchObject({
    status: 503,
    headers: { 'retry-after': '1' },
    body: { error: 'circuit_open' },
  });
  await proxy.refuse();
  expect(await send(away.port, read)).toMatchObject({
    status: 503,
    headers: { 'retry-after': '1' },
    body: { error: 'dependency_unavailable', message: 'peer: no response' },
  });
  // Of this process itself nothing is missing.
  expect(await send(frozen.port, { method: 'GET', path: '/orders/o-1' })).toMatchObject({ status: 200 });
  expect(await send(frozen.port, { method: 'GET', path: '/health/ready' })).toMatchObject({ status: 200 });
});

test('a caller who has left has the call of the service cancelled', async () => {
  const began = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const peer = await startPeer({
    getCustomer(_, { signal }) {
      signal.addEventListener('abort', () => ended.resolve());
      began.resolve();
      return new Promise(() => {});
    },
  });
  // No time limit ends it.
  const { url } = await startDoor(peer.url, { tryTimeoutMs: 60_000, totalTimeoutMs: 60_000 });
  const gone = new AbortController();
  const called = fetch(`${url}/customers/c-1`, { signal: gone.signal });
  await began.promise;
  gone.abort();
  await expect(called).rejects.toThrow();
  await ended.promise;
});

test('calls are measured as of this server, by the protocol rest', async () => {
  const peer = await startRestServer();
  const { port, metrics } = await startDoor(peer.url);
  await send(port, read);
  expect(await metrics.prometheus()).toMatch(
    /_count\{(?=.*method="GetCustomer")(?=.*protocol="rest").*\} 1\b/,
  );
});

test('a stream cannot be forwarded', async () => {
  const transport = createGrpcTransport({ baseUrl: 'http://127.0.0.1:9' });
  await expect(startServer({ forwarded: [{ methods: Health.methods, transport }] })).rejects.toThrow(
    'Watch is a stream',
  );
});
