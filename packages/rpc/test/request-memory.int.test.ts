import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { compressionGzip } from '@connectrpc/connect-node';
import { eventually } from '@orderflow/testing';
import { expect, onTestFinished, test } from 'vitest';
import { startServer } from './fixture.ts';
import { frame } from './http2-frame.ts';

const batch = '/orderflow.enrichment.v1.CustomerService/BatchGetCustomers';
const getCustomer = '/orderflow.enrichment.v1.CustomerService/GetCustomer';

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

/** A header as HPACK has it without any table. */
function header(name: string, value: string): Buffer {
  return Buffer.concat([
    Buffer.from([0, name.length]),
    Buffer.from(name),
    Buffer.from([value.length]),
    Buffer.from(value),
  ]);
}

/**
 * Begins a call over HTTP/2 and sends these bytes of its body, in DATA frames of one byte. Resolves when all is sent.
 */
async function sendByteByByte(
  port: number,
  contentType: string,
  body: Buffer,
  { path = batch, settings = Buffer.alloc(0) } = {},
): Promise<void> {
  const socket = connectTcp(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  const headers = Buffer.concat([
    header(':method', 'POST'),
    header(':scheme', 'http'),
    header(':path', path),
    header(':authority', 'a'),
    header('content-type', contentType),
  ]);
  socket.write(
    Buffer.concat([
      Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
      frame(4, 0, 0, settings),
      frame(1, 4, 1, headers),
    ]),
  );
  const windows = { 0: 65_535, 1: 65_535 };
  let received = Buffer.alloc(0);
  let pongs = 0;
  socket.on('data', (bytes) => {
    received = Buffer.concat([received, bytes]);
    while (received.length >= 9 && received.length >= 9 + received.readUIntBE(0, 3)) {
      const [end, type, stream] = [9 + received.readUIntBE(0, 3), received[3], received.readUInt32BE(5)];
      if (type === 8) windows[stream as 0 | 1] += received.readUInt32BE(9);
      if (type === 6) pongs++;
      received = received.subarray(end);
    }
  });
  for (let sent = 0, pings = 1; sent < body.length; pings++) {
    const count = Math.min(windows[0], windows[1], body.length - sent);
    windows[0] -= count;
    windows[1] -= count;
    const frames = [...body.subarray(sent, sent + count)].map((byte) => frame(0, 0, 1, Buffer.from([byte])));
    sent += count;
    socket.write(Buffer.concat([...frames, frame(6, 0, 0, Buffer.alloc(8))]));
    while (pongs < pings) await once(socket, 'data');
  }
}

/** What is kept of it, in bytes. */
async function heldByteByByte(...args: Parameters<typeof sendByteByByte>): Promise<number> {
  collectGarbage();
  const before = process.memoryUsage();
  await sendByteByByte(...args);
  collectGarbage();
  const after = process.memoryUsage();
  return after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
}

test.each([
  ['Connect', 'application/proto', []],
  ['gRPC', 'application/grpc', [0, 0, 4, 0, 0]],
])('%s: a body that comes byte by byte takes little more than its bytes', async (_name, type, prefix) => {
  const { port } = await startServer();
  // Held one by one they would take 12 MB.
  const body = Buffer.concat([Buffer.from(prefix), Buffer.alloc(100_000)]);
  expect(await heldByteByByte(port, type, body)).toBeLessThan(4_000_000);
});

test('what comes of a request after its response is not kept until the response has left', async () => {
  const { port } = await startServer();
  // A window of 0.
  const settings = Buffer.from('000400000000', 'hex');
  const body = Buffer.alloc(65_000);
  const held = await heldByteByByte(port, 'application/json', body, { path: '/nowhere', settings });
  expect(held).toBeLessThan(4_000_000);
});

/** Requests in gzip over one connection, none of which is unpacked before `release`. */
async function packedRequests(count: number, headers: Record<string, string> = {}) {
  const { url } = await startServer();
  const released = Promise.withResolvers<void>();
  const { decompress } = compressionGzip;
  const counts = { unpacked: 0 };
  compressionGzip.decompress = async (...args) => {
    counts.unpacked++;
    await released.promise;
    return decompress(...args);
  };
  onTestFinished(() => {
    compressionGzip.decompress = decompress;
    released.resolve();
  });
  const session = connectHttp2(url);
  onTestFinished(() => session.destroy());
  await once(session, 'connect');
  const body = gzipSync('{"customerId":"c-1"}');
  const streams = Array.from({ length: count }, () => {
    const stream = session.request({
      ':method': 'POST',
      ':path': getCustomer,
      'content-type': 'application/json',
      'content-encoding': 'gzip',
      ...headers,
    });
    stream.on('error', () => {});
    stream.end(body);
    return stream;
  });
  const statuses = streams.map(async (stream) => (await once(stream, 'response'))[0][':status'] as number);
  for (const status of statuses) status.catch(() => {});
  /** Resolves when the server has seen everything that was sent. */
  const seen = () => new Promise<void>((resolve) => session.ping(() => resolve()));
  await seen();
  await eventually(() => expect(counts.unpacked).toBeGreaterThan(0));
  await seen();
  return { streams, statuses, counts, seen, release: released.resolve };
}

test('few compressed requests are unpacked at once, and those whose caller has gone not at all', async () => {
  const { streams, statuses, counts, seen, release } = await packedRequests(40);
  expect(counts.unpacked).toBe(4);
  for (const stream of streams.slice(20)) stream.close();
  await seen();
  release();
  expect(await Promise.all(statuses.slice(0, 20))).toEqual(Array(20).fill(200));
  // Connect unpacks once more what passed.
  expect(counts.unpacked).toBe(40);
});

test('a compressed request whose deadline passes while it waits gets DEADLINE_EXCEEDED', async () => {
  const { statuses, counts, release } = await packedRequests(8, { 'connect-timeout-ms': '500' });
  expect(await Promise.all(statuses.slice(4))).toEqual(Array(4).fill(504));
  release();
  await Promise.all(statuses);
  expect(counts.unpacked).toBe(4);
});
