import { once } from 'node:events';
import { type ClientHttp2Session, connect as connectHttp2, constants } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { Code, createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { Health } from '@orderflow/contracts/grpc/health/v1/health';
import { eventually } from '@orderflow/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { errorReason } from '../src/index.ts';
import { customerClient, customers, failure, startServer } from './fixture.ts';

const path = '/orderflow.enrichment.v1.CustomerService/GetCustomer';
const call = { ':method': 'POST', ':path': path, 'content-type': 'application/json' };

/** A server with memory for some thirty calls; it holds those for `held` until `release`. */
async function startSmallServer(memoryBytes = 1_000_000) {
  const released = Promise.withResolvers<void>();
  onTestFinished(() => released.resolve());
  const started = await startServer({
    limits: { memoryBytes },
    implementation: {
      ...customers,
      async getCustomer({ customerId }) {
        if (customerId === 'held') await released.promise;
        return { customer: { customerId } };
      },
    },
  });
  const transport = createConnectTransport({ baseUrl: started.url, httpVersion: '1.1' });
  return {
    ...started,
    client: customerClient(transport),
    health: createClient(Health, transport),
    release: released.resolve,
  };
}

/** Requests over one HTTP/2 connection that lets no byte of a body through; resolves when the server has seen them. */
async function requestsWithoutWindow(
  url: string,
  count: number,
  { body, ends = true, ...headers }: Record<string, string> & { body?: string; ends?: boolean },
) {
  const session: ClientHttp2Session = connectHttp2(url, { settings: { initialWindowSize: 0 } });
  onTestFinished(() => session.destroy());
  session.on('error', () => {});
  await once(session, 'connect');
  const codes: number[] = [];
  const statuses: number[] = [];
  for (let n = 0; n < count; n++) {
    const stream = session.request(headers, { endStream: false });
    stream.on('error', () => {});
    stream.on('close', () => codes.push(stream.rstCode ?? 0));
    stream.on('response', (response) => statuses.push(response[':status'] ?? 0));
    if (body !== undefined) stream.write(body);
    if (ends) stream.end();
  }
  const seen = () => new Promise<void>((resolve) => session.ping(() => resolve()));
  await seen();
  return { session, codes, statuses, seen };
}

/** Also many calls one after the other pass. */
async function expectAllGivenBack(client: ReturnType<typeof customerClient>): Promise<void> {
  await eventually(async () => expect(await client.getCustomer({ customerId: 'c-1' })).toBeDefined());
  for (let n = 0; n < 40; n++) await client.getCustomer({ customerId: 'c-1' });
}

describe('every request is charged until its response has left', () => {
  test.each([
    ['a page that is not there', 100, { ':path': '/nowhere' }, 404],
    ['metrics', 100, { ':path': '/metrics' }, 200],
    ['a call', 100, { ...call, body: '{}' }, 429],
    ['long headers', 20, { ':path': '/nowhere', 'x-long': 'x'.repeat(30_000) }, 404],
  ])('%s: without memory for a response the stream is refused', async (_what, count, headers, status) => {
    const { url, client, health } = await startSmallServer();
    const { session, codes, statuses } = await requestsWithoutWindow(url, count, headers);
    await eventually(() => expect(codes.length + statuses.length).toBe(count));
    expect(statuses).toContain(status);
    expect(codes.length).toBeGreaterThan(10);
    expect(new Set(codes)).toEqual(new Set([constants.NGHTTP2_REFUSED_STREAM]));
    expect(await health.check({})).toBeDefined();
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
    session.destroy();
    await expectAllGivenBack(client);
  });

  test('over HTTP/1.1 the connection is cut', async () => {
    const { port, client } = await startSmallServer();
    const socket = connectTcp(port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => {});
    await once(socket, 'connect');
    const body = '{"customerId":"held"}';
    socket.write(
      `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}${'GET /nowhere HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(200)}`,
    );
    await eventually(() => expect(socket.closed).toBe(true));
    await expectAllGivenBack(client);
  });

  test('also for work that continues when the caller has had its response', async () => {
    const { client, release } = await startSmallServer(200_000);
    // Memory for five.
    for (let n = 0; n < 5; n++) {
      const late = await failure(client.getCustomer({ customerId: 'held' }, { timeoutMs: 100 }));
      expect(late.code).toBe(Code.DeadlineExceeded);
    }
    expect(errorReason(await failure(client.getCustomer({ customerId: 'c-1' })))).toBe('OVERLOADED');
    release();
    await expectAllGivenBack(client);
  });
});

test('health checks that are never sent whole keep no other health check from its response', async () => {
  const { url, client, health } = await startSmallServer();
  const check = { ':method': 'POST', ':path': '/grpc.health.v1.Health/Check' };
  const headers = { ...check, 'content-type': 'application/json', body: '{', ends: false } as never;
  const { session, codes, seen } = await requestsWithoutWindow(url, 100, headers);
  expect(await health.check({})).toBeDefined();
  expect((await fetch(`${url}/health/live`)).status).toBe(200);
  expect(errorReason(await failure(client.getCustomer({ customerId: 'c-1' })))).toBe('OVERLOADED');
  await seen();
  // Those that had the places which are kept for health checks.
  expect(codes.length).toBeGreaterThan(50);
  expect(new Set(codes)).toEqual(new Set([constants.NGHTTP2_ENHANCE_YOUR_CALM]));
  session.destroy();
  await expectAllGivenBack(client);
});
