import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
  constants,
} from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport } from '@connectrpc/connect-node';
import { Health } from '@orderflow/contracts/grpc/health/v1/health';
import { eventually } from '@orderflow/testing';
import { expect, onTestFinished, test } from 'vitest';
import { errorReason } from '../src/index.ts';
import { customerClient, failure, startServer } from './fixture.ts';

const path = '/orderflow.enrichment.v1.CustomerService/GetCustomer';
const nameBytes = 300_000;

/** The same request for a long response: Connect sends that of the first; those of the others are sent without it. */
const requests = {
  JSON: { path, contentType: 'application/json', body: Buffer.from('{"customerId":"long"}') },
  gRPC: { path, contentType: 'application/grpc', body: Buffer.from('\0\0\0\0\x06\x0a\x04long') },
  REST: { path: '/customers/long', contentType: undefined, body: undefined },
};
type Format = keyof typeof requests;
const formats = Object.keys(requests) as Format[];

/** Sends the request for a long response. */
function requestLong(session: ClientHttp2Session, format: Format): ClientHttp2Stream {
  const { path, contentType, body } = requests[format];
  const headers = {
    ':method': body ? 'POST' : 'GET',
    ':path': path,
    ...(contentType && { 'content-type': contentType }),
  };
  const stream = session.request(headers, { endStream: false });
  stream.on('error', () => {});
  stream.end(body);
  return stream;
}

/** A server whose responses, but one for `short`, have 300,000 bytes; with memory for three of them. */
async function startLongServer(limits: NonNullable<Parameters<typeof startServer>[0]>['limits'] = {}) {
  const started = await startServer({
    limits: { memoryBytes: 1_100_000, ...limits },
    implementation: {
      async getCustomer({ customerId }) {
        return { customer: { customerId, name: customerId === 'short' ? '' : 'x'.repeat(nameBytes) } };
      },
    },
  });
  const transport = createConnectTransport({ baseUrl: started.url, httpVersion: '1.1' });
  const health = createClient(Health, transport);
  return { ...started, client: customerClient(transport), health };
}

/** Calls over one HTTP/2 connection that lets no byte of a body through. */
async function callsWithoutWindow(url: string, count: number, format: Format) {
  const session = connectHttp2(url, { settings: { initialWindowSize: 0 } });
  onTestFinished(() => session.destroy());
  await once(session, 'connect');
  const streams = Array.from({ length: count }, () => requestLong(session, format));
  await Promise.all(streams.map((stream) => once(stream, 'response')));
  return streams;
}

test.for(formats)(
  'unread responses are charged: calls are refused, health checks get a response, and the cut releases all memory: %s',
  async (format) => {
    const { url, client, health, lines } = await startLongServer({ responseStallMs: 1000 });
    const streams = await callsWithoutWindow(url, 3, format);
    expect(errorReason(await failure(client.getCustomer({ customerId: 'short' })))).toBe('OVERLOADED');
    expect((await health.check({})).status).toBeDefined();
    expect(streams.some(({ destroyed }) => destroyed)).toBe(false);

    await eventually(() => expect(streams.every(({ destroyed }) => destroyed)).toBe(true));
    expect(streams.map(({ rstCode }) => rstCode)).toEqual(Array(3).fill(constants.NGHTTP2_ENHANCE_YOUR_CALM));
    expect(lines.filter(({ msg }) => msg.startsWith('response cut: its client read nothing'))).toHaveLength(
      3,
    );
    // Memory for three again, one after the other and more often than would pass if any charge was left.
    for (let call = 0; call < 10; call++) {
      expect((await client.getCustomer({ customerId: 'long' })).customer?.name).toHaveLength(nameBytes);
    }
  },
);

test.for(formats)(
  'a response that exceeds the memory is cut, and health checks get a response: %s',
  async (format) => {
    const { url, client, health, lines } = await startLongServer({ memoryBytes: 200_000 });
    const session = connectHttp2(url);
    onTestFinished(() => session.destroy());
    const stream = requestLong(session, format);
    await eventually(() => expect(stream.destroyed).toBe(true));
    expect(stream.rstCode).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    expect(lines.filter(({ msg }) => msg.startsWith('response cut: the memory'))).toHaveLength(1);
    expect((await health.check({})).status).toBeDefined();
    expect((await client.getCustomer({ customerId: 'short' })).customer?.customerId).toBe('short');
  },
);

/** Sends more calls in a row over HTTP/1.1 than the system's buffers hold responses, and reads nothing. */
async function sendManyCalls(port: number) {
  const socket = connectTcp({ host: '127.0.0.1', port });
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  const body = '{"customerId":"long"}';
  socket.write(
    `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`.repeat(
      100,
    ),
  );
  return socket;
}

test('over HTTP/1.1 a client that stops reading is cut', async () => {
  const { port, lines } = await startLongServer({ responseStallMs: 300, memoryBytes: 100_000_000 });
  await sendManyCalls(port);
  await eventually(() =>
    expect(lines.some(({ msg }) => msg.startsWith('response cut: its client read nothing'))).toBe(true),
  );
});

test('one that goes away with responses unread leaves nothing behind', async () => {
  const { port, client, lines } = await startLongServer({ memoryBytes: 1_100_000 });
  const socket = await sendManyCalls(port);
  await eventually(() => expect(lines.some(({ reason }) => reason === 'OVERLOADED')).toBe(true));
  socket.destroy();
  await eventually(async () => expect(await client.getCustomer({ customerId: 'long' })).toBeDefined());
});

test.for(formats)('a slow reader gets its response whole, however long it takes: %s', async (format) => {
  const stallMs = 800;
  const { url } = await startLongServer({ responseStallMs: stallMs });
  const session = connectHttp2(url, { settings: { initialWindowSize: 16_384 } });
  onTestFinished(() => session.destroy());
  const stream = requestLong(session, format);
  const began = performance.now();
  let read = 0;
  stream.on('data', (bytes: Buffer) => {
    read += bytes.length;
    stream.pause();
    setTimeout(() => stream.resume(), 50);
  });
  await once(stream, 'close');
  expect(stream.rstCode).toBe(0);
  expect(read).toBeGreaterThan(nameBytes);
  expect(performance.now() - began).toBeGreaterThan(stallMs);
});

test('a stream that has nothing to send is not cut', async () => {
  const { url } = await startLongServer({ responseStallMs: 50 });
  const abort = new AbortController();
  onTestFinished(() => abort.abort());
  const watch = createClient(Health, createGrpcTransport({ baseUrl: url })).watch(
    {},
    { signal: abort.signal },
  );
  const messages = watch[Symbol.asyncIterator]();
  expect((await messages.next()).done).toBe(false);
  const next = messages.next().then(
    () => 'ended',
    () => 'ended',
  );
  // Ten times as long as a response may stall.
  const waited = new Promise((resolve) => setTimeout(() => resolve('open'), 500));
  expect(await Promise.race([next, waited])).toBe('open');
});

test.for([
  ['gRPC', createGrpcTransport],
  ['Connect', (options: { baseUrl: string }) => createConnectTransport({ ...options, httpVersion: '2' })],
] as const)('a stream that its client has cancelled is no unread response: %s', async ([, transportTo]) => {
  const { url, lines } = await startLongServer({ responseStallMs: 300 });
  const cut = () => lines.filter(({ msg }) => msg.startsWith('response cut'));
  const abort = new AbortController();
  const watch = createClient(Health, transportTo({ baseUrl: url })).watch({}, { signal: abort.signal });
  const messages = watch[Symbol.asyncIterator]();
  await messages.next();
  abort.abort();
  await expect(messages.next()).rejects.toThrow();
  // This one begins later, and is cut.
  await callsWithoutWindow(url, 1, 'gRPC');
  await eventually(() => expect(cut().length).toBeGreaterThan(0));
  expect(cut()).toMatchObject([{ path }]);
});
