import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp, type Socket } from 'node:net';
import { Code, createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport } from '@connectrpc/connect-node';
import {
  Health,
  HealthCheckResponse_ServingStatus as Status,
} from '@orderflow/contracts/grpc/health/v1/health';
import { eventually } from '@orderflow/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { errorReason } from '../src/index.ts';
import { customerClient, failure, startServer } from './fixture.ts';

const getCustomerPath = '/orderflow.enrichment.v1.CustomerService/GetCustomer';

function dial(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp(port, '127.0.0.1', () => resolve(socket));
    socket.on('error', reject);
    onTestFinished(() => void socket.destroy());
  });
}

/** All that comes until the other side closes. */
async function readAll(socket: Socket): Promise<string> {
  let text = '';
  for await (const chunk of socket) text += chunk;
  return text;
}

/** The error of Connect in a response over HTTP/1.1. */
const bodyOf = (response: string) => JSON.parse(response.slice(response.indexOf('\r\n\r\n')));

describe('health', () => {
  /** A dependency that can be switched off. */
  function dependency() {
    const state = { down: false };
    const component = {
      name: 'database',
      start: async () => {},
      stop: async () => {},
      async check() {
        if (state.down) throw new Error('the database is down');
      },
    };
    return { state, component };
  }

  test('ready and detailed follow the dependencies, live does not', async () => {
    const { state, component } = dependency();
    const { url } = await startServer({ components: [component] });
    expect((await fetch(`${url}/health/ready`)).status).toBe(200);
    state.down = true;
    await eventually(async () => (await fetch(`${url}/health/ready`)).status === 503);
    const detailed = await fetch(`${url}/health/detailed`);
    expect(detailed.status).toBe(503);
    expect(await detailed.json()).toMatchObject({
      service: 'test',
      uptime_seconds: expect.any(Number),
      ready: false,
      checks: { database: { ok: false, error: 'the database is down', ms: expect.any(Number) } },
    });
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
  });

  test('grpc.health.v1 follows the dependencies: Check, List, Watch', async () => {
    const { state, component } = dependency();
    const { url } = await startServer({ components: [component] });
    const client = createClient(Health, createGrpcTransport({ baseUrl: url }));
    const name = 'orderflow.enrichment.v1.CustomerService';
    const watched: Status[] = [];
    const abort = new AbortController();
    const watching = (async () => {
      for await (const { status } of client.watch({ service: name }, { signal: abort.signal }))
        watched.push(status);
    })();
    await eventually(() => watched.length === 1);
    state.down = true;
    await eventually(() => watched.length === 2);
    expect((await client.check({ service: name })).status).toBe(Status.NOT_SERVING);
    state.down = false;
    await eventually(() => watched.length === 3);
    expect(watched).toEqual([Status.SERVING, Status.NOT_SERVING, Status.SERVING]);
    abort.abort();
    expect((await failure(watching)).code).toBe(Code.Canceled);

    expect((await client.check({})).status).toBe(Status.SERVING);
    const { statuses } = await client.list({});
    expect(Object.keys(statuses)).toEqual(expect.arrayContaining(['', name, 'grpc.health.v1.Health']));
  });

  test('an unknown service is NOT_FOUND for Check, SERVICE_UNKNOWN for Watch', async () => {
    const { url } = await startServer();
    const client = createClient(Health, createGrpcTransport({ baseUrl: url }));
    const error = await failure(client.check({ service: 'no.such.Service' }));
    expect([error.code, errorReason(error)]).toEqual([Code.NotFound, 'SERVICE_UNKNOWN']);
    for await (const { status } of client.watch({ service: 'no.such.Service' })) {
      expect(status).toBe(Status.SERVICE_UNKNOWN);
      break;
    }
  });
});

describe('pages', () => {
  test('/metrics is Prometheus text', async () => {
    const { url } = await startServer();
    const response = await fetch(`${url}/metrics`);
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0.0.4/);
    expect(await response.text()).toContain('# TYPE process_cpu_time');
  });

  test('a page that fails says so, and only the log says why', async () => {
    const { url, lines } = await startServer({ prometheus: () => Promise.reject(new Error('secret')) });
    const response = await fetch(`${url}/metrics`);
    expect([response.status, await response.text()]).toEqual([500, 'internal error\n']);
    expect(lines).toContainEqual(expect.objectContaining({ level: 'error', path: '/metrics' }));
  });

  test('another path is a 404 that says what is served', async () => {
    const { url } = await startServer();
    const response = await fetch(`${url}/constructor`);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({
      code: 'unimplemented',
      message: 'GET /constructor does not exist here',
      served: {
        services: expect.arrayContaining(['orderflow.enrichment.v1.CustomerService']),
        pages: expect.arrayContaining(['/health/ready', '/metrics']),
      },
    });
    expect((await fetch(`${url}/metrics`, { method: 'POST' })).status).toBe(405);
  });
});

describe('browsers', () => {
  const origin = 'https://shop.example';
  const preflight = (url: string, from: string) =>
    fetch(`${url}${getCustomerPath}`, {
      method: 'OPTIONS',
      headers: { origin: from, 'access-control-request-method': 'POST' },
    });

  test('an allowed origin may call and read errors', async () => {
    const { url } = await startServer({ cors: { allowedOrigins: [origin] } });
    const response = await preflight(url, origin);
    expect(response.status).toBe(204);
    expect(response.headers.get('access-control-allow-origin')).toBe(origin);
    expect(response.headers.get('access-control-allow-methods')).toContain('POST');
    const allowed = response.headers.get('access-control-allow-headers')?.toLowerCase();
    for (const header of [
      'content-type',
      'connect-protocol-version',
      'x-grpc-web',
      'traceparent',
      'x-caller-id',
    ]) {
      expect(allowed).toContain(header);
    }
    const call = await fetch(`${url}${getCustomerPath}`, {
      method: 'POST',
      headers: { origin, 'content-type': 'application/json' },
      body: '{"customerId":"missing"}',
    });
    expect(call.status).toBe(404);
    expect(call.headers.get('access-control-allow-origin')).toBe(origin);
    expect(call.headers.get('access-control-expose-headers')?.toLowerCase()).toContain('grpc-status');
    expect(await call.json()).toMatchObject({ code: 'not_found' });
  });

  test('another origin is not allowed, and by default none is', async () => {
    const { url } = await startServer({ cors: { allowedOrigins: [origin] } });
    const other = await preflight(url, 'https://evil.example');
    expect(other.headers.get('access-control-allow-origin')).toBeNull();
    expect(other.headers.get('vary')).toBe('Origin');
    const closed = await startServer();
    expect((await preflight(closed.url, origin)).headers.get('access-control-allow-origin')).toBeNull();
  });

  test('* allows all', async () => {
    const { url } = await startServer({ cors: { allowedOrigins: ['*'] } });
    expect((await preflight(url, origin)).headers.get('access-control-allow-origin')).toBe('*');
  });
});

describe('slow and broken clients', () => {
  const limits = { headersTimeoutMs: 300, requestTimeoutMs: 600 };

  test('a connection that says nothing is closed', async () => {
    const { port } = await startServer({ limits });
    expect(await readAll(await dial(port))).toBe('');
  });

  test('the first bytes may come one by one', async () => {
    const { port } = await startServer();
    const socket = await dial(port);
    socket.setNoDelay(true);
    for (const byte of 'P') socket.write(byte);
    // The server has read the first byte, which could be of either protocol, once this other call has its response.
    await fetch(`http://127.0.0.1:${port}/health/live`);
    socket.write('OST /nowhere HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
    expect(await readAll(socket)).toMatch(/^HTTP\/1.1 404/);
  });

  test.for([
    ['headers', 'POST / HTTP/1.1\r\nhost: x\r\n'],
    [
      'a body',
      `POST ${getCustomerPath} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{`,
    ],
  ] as const)('over HTTP/1.1, %s that never end get 408', async ([, text]) => {
    const { port } = await startServer({ limits });
    const socket = await dial(port);
    socket.write(text);
    const response = await readAll(socket);
    expect(response).toMatch(/^HTTP\/1.1 408 /);
    expect(response).toContain('did not arrive completely');
    expect(bodyOf(response)).toMatchObject({ code: 'deadline_exceeded' });
  });

  test('over HTTP/2, a body that never ends gets DEADLINE_EXCEEDED, and the connection lives on', async () => {
    const { url, stop } = await startServer({ limits, graceMs: 5000 });
    const session = connectHttp2(url);
    onTestFinished(() => session.destroy());
    const headers = { ':method': 'POST', ':path': getCustomerPath, 'content-type': 'application/grpc' };
    const stream = session.request(headers);
    stream.write(Buffer.from([0, 0, 0, 0, 9, 1]));
    stream.resume();
    const trailers = await new Promise<Record<string, unknown>>((resolve) =>
      stream.once('trailers', resolve),
    );
    expect(trailers['grpc-status']).toBe(String(Code.DeadlineExceeded));
    expect(trailers['grpc-status-details-bin']).toBeDefined();
    const page = session.request({ ':path': '/health/live' });
    const response = await new Promise<Record<string, unknown>>((resolve) => page.once('response', resolve));
    expect(response[':status']).toBe(200);
    page.close();
    // The half-sent request must not hold up the stop for the grace.
    const began = performance.now();
    await stop();
    expect(performance.now() - began).toBeLessThan(2000);
  });

  test('over HTTP/1.1, headers that are too long get 431', async () => {
    const { port } = await startServer();
    const socket = await dial(port);
    socket.write(`GET /health/live HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`);
    const response = await readAll(socket);
    expect(response).toMatch(/^HTTP\/1.1 431 /);
    expect(bodyOf(response)).toMatchObject({
      code: 'resource_exhausted',
      message: 'the headers are too long',
    });
  });

  test('what is not HTTP gets 400, and the server lives on', async () => {
    const { port, url } = await startServer();
    const socket = await dial(port);
    socket.write('\x16\x03\x01 TLS, perhaps\r\n\r\n');
    const response = await readAll(socket);
    expect(response).toMatch(/^HTTP\/1.1 400 [\s\S]*this is not HTTP/);
    expect(bodyOf(response)).toMatchObject({ code: 'invalid_argument' });
    const http2 = await dial(port);
    http2.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\ngarbage that is no frame at all');
    await readAll(http2);
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
  });

  test.for([
    ['no host', 'HTTP/1.0\r\n'],
    ['an impossible host', 'HTTP/1.1\r\nhost: a b\r\n'],
  ] as const)('a call for %s gets 400, and the server lives on', async ([, rest]) => {
    const { port, url } = await startServer();
    const socket = await dial(port);
    socket.write(
      `POST ${getCustomerPath} ${rest}content-type: application/json\r\ncontent-length: 2\r\n\r\n{}`,
    );
    socket.end();
    expect(await readAll(socket)).toMatch(/^HTTP\/1.1 400 /);
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
  });

  test('JSON that does not parse is MALFORMED_REQUEST', async () => {
    const { url } = await startServer();
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${url}${getCustomerPath}`, {
      method: 'POST',
      headers,
      body: '{"customerId":',
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      code: 'invalid_argument',
      details: [
        { type: 'google.rpc.ErrorInfo', debug: { reason: 'MALFORMED_REQUEST', domain: 'orderflow' } },
      ],
    });
  });

  test('a message that unpacks to more than the limit is MESSAGE_TOO_LARGE', async () => {
    const { url } = await startServer({ limits: { readMaxBytes: 10_000 } });
    const { compressionGzip } = await import('@connectrpc/connect-node');
    const transport = createGrpcTransport({ baseUrl: url, sendCompression: compressionGzip });
    const error = await failure(customerClient(transport).getCustomer({ customerId: 'x'.repeat(1_000_000) }));
    expect([error.code, errorReason(error)]).toEqual([Code.ResourceExhausted, 'MESSAGE_TOO_LARGE']);
  });

  test('a caller that goes away ends its call, which is no error of ours', async () => {
    let entered = false;
    let ended = false;
    const { url, lines } = await startServer({
      implementation: {
        getCustomer: (_request, context) =>
          new Promise(() => {
            entered = true;
            context.signal.addEventListener('abort', () => {
              ended = true;
            });
          }),
      },
    });
    const abort = new AbortController();
    const client = customerClient(createConnectTransport({ baseUrl: url, httpVersion: '1.1' }));
    const call = failure(client.getCustomer({ customerId: 'c-1' }, { signal: abort.signal }));
    await eventually(() => entered);
    abort.abort();
    await call;
    await eventually(() => ended);
    await eventually(() => lines.some(({ code }) => code === 'canceled'));
    expect(lines.filter(({ level }) => level === 'error' || level === 'warn')).toEqual([]);
  });
});

describe('stop', () => {
  test.for([
    ['gRPC', (baseUrl: string) => createGrpcTransport({ baseUrl })],
    ['Connect over HTTP/1.1', (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: '1.1' })],
  ] as const)('%s: calls in flight finish, new ones are refused', async ([, connect]) => {
    const gate = Promise.withResolvers<void>();
    let entered = false;
    const { url, health, stop } = await startServer({
      implementation: {
        async getCustomer({ customerId }) {
          entered = true;
          if (customerId === 'gated') await gate.promise;
          return { customer: { customerId } };
        },
      },
      graceMs: 10_000,
    });
    const client = customerClient(connect(url));
    await client.getCustomer({ customerId: 'c-1' });
    entered = false;
    const inFlight = client.getCustomer({ customerId: 'gated' });
    await eventually(() => entered);
    const stopping = stop();
    expect(health.draining).toBe(true);
    await eventually(async () => {
      const late = await failure(customerClient(connect(url)).getCustomer({ customerId: 'c-2' }));
      expect(late.code).toBe(Code.Unavailable);
    });
    gate.resolve();
    expect((await inFlight).customer?.customerId).toBe('gated');
    await stopping;
  });

  test('while it drains it responds, says 503, and notifies watchers', async () => {
    const { url, stop } = await startServer({ drainMs: 1500 });
    const client = createClient(Health, createGrpcTransport({ baseUrl: url }));
    const watched: Status[] = [];
    const watching = failure(
      (async () => {
        for await (const { status } of client.watch({})) watched.push(status);
      })(),
    );
    await eventually(() => watched.length === 1);
    const stopping = stop();
    expect((await fetch(`${url}/health/ready`)).status).toBe(503);
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
    expect((await client.check({})).status).toBe(Status.NOT_SERVING);
    const error = await watching;
    expect(watched).toEqual([Status.SERVING, Status.NOT_SERVING]);
    expect([error.code, errorReason(error)]).toEqual([Code.Unavailable, 'SHUTTING_DOWN']);
    await stopping;
  });

  test('while it drains each response over HTTP/1.1 ends its connection: the next call goes elsewhere', async () => {
    const { url, stop } = await startServer({ drainMs: 1500 });
    const agent = new Agent({ keepAlive: true });
    onTestFinished(() => agent.destroy());
    const call = async () => {
      const [response]: IncomingMessage[] = await once(get(`${url}/health/live`, { agent }), 'response');
      await response?.toArray();
      return [response?.statusCode, response?.headers.connection];
    };
    expect(await call()).toEqual([200, 'keep-alive']);
    const stopping = stop();
    expect(await call()).toEqual([200, 'close']);
    expect(await call()).toEqual([200, 'close']);
    await stopping;
  });

  test('a call that outlives the grace gets SHUTTING_DOWN', async () => {
    let entered = false;
    const { url, stop, lines } = await startServer({
      implementation: {
        async getCustomer(_request, context) {
          entered = true;
          await new Promise((resolve) => context.signal.addEventListener('abort', resolve));
          throw new Error('aborted, and said so in its own way');
        },
      },
      graceMs: 100,
    });
    const client = customerClient(createGrpcTransport({ baseUrl: url }));
    const call = failure(client.getCustomer({ customerId: 'c-1' }));
    await eventually(() => entered);
    await stop();
    const error = await call;
    expect([error.code, errorReason(error)]).toEqual([Code.Unavailable, 'SHUTTING_DOWN']);
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  test('open connections do not hold it up', async () => {
    const { url, port, stop } = await startServer({ graceMs: 10_000 });
    await dial(port);
    const session = connectHttp2(url);
    onTestFinished(() => session.destroy());
    await new Promise((resolve) => session.once('remoteSettings', resolve));
    await fetch(`${url}/health/live`);
    const began = performance.now();
    await stop();
    expect(performance.now() - began).toBeLessThan(2000);
    await expect(dial(port)).rejects.toThrow('ECONNREFUSED');
  });
});
