import { getEventListeners, once } from 'node:events';
import { createServer, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { create, toBinary } from '@bufbuild/protobuf';
import { type CallOptions, Code, type ConnectError, createClient, type Transport } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import {
  CustomerService,
  GetCustomerResponseSchema,
} from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { eventually } from '@orderflow/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createRpcTransport, errorReason } from '../src/index.ts';
import { correctedErrors } from '../src/transport-errors.ts';
import { failure, recordingLogger } from './fixture.ts';
import { frames, startHttp2Peer } from './http2-peer.ts';

const readMaxBytes = 100_000;
const head = { ':status': 200, 'content-type': 'application/grpc+proto' };
const okTrailer = { 'grpc-status': '0' };

function framed(message: Uint8Array, flags = 0): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = flags;
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}
const customer = { customerId: 'c-1', name: 'Ann' };
const message = toBinary(GetCustomerResponseSchema, create(GetCustomerResponseSchema, { customer }));
const good = framed(message);

function ours(baseUrl: string, policies: 'none' | { retries: number } = 'none') {
  const { logger } = recordingLogger();
  const transport = createRpcTransport({ name: 'peer', baseUrl, readMaxBytes, policies, logger });
  onTestFinished(() => transport.close());
  return transport;
}

function connects(baseUrl: string): Transport {
  const binaryOptions = { readUnknownFields: false };
  return createGrpcTransport({ baseUrl, readMaxBytes, binaryOptions, interceptors: [correctedErrors] });
}

const callBy = (transport: Transport, options?: CallOptions, customerId = 'c-1') =>
  createClient(CustomerService, transport).getCustomer({ customerId }, options);

/** A server that ends each request as `respond` does. */
async function startPeer(respond: (stream: ServerHttp2Stream, headers: OutgoingHttpHeaders) => unknown) {
  const resets: number[] = [];
  let connections = 0;
  const server = createServer();
  server.on('connection', (socket: Socket) => {
    connections += 1;
    onTestFinished(() => void socket.destroy());
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    stream.on('close', () => resets.push(stream.rstCode));
    respond(stream, headers);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, resets, connections: () => connections };
}

/** A whole response; `trailer` is undefined for one without trailers. */
const whole =
  (body: Uint8Array | undefined, header: OutgoingHttpHeaders = {}, trailer?: OutgoingHttpHeaders) =>
  (stream: ServerHttp2Stream) => {
    stream.respond({ ...head, ...header }, { waitForTrailers: trailer !== undefined });
    if (trailer) stream.on('wantTrailers', () => stream.sendTrailers(trailer));
    stream.end(body);
  };
const ok = (body: Uint8Array, header?: OutgoingHttpHeaders) => whole(body, header, okTrailer);
/** A response of headers only. */
const only = (header: OutgoingHttpHeaders) => (stream: ServerHttp2Stream) =>
  stream.respond({ ...head, ...header }, { endStream: true });
/** A response that does not end. */
const open =
  (body: Uint8Array = Buffer.alloc(0), header: OutgoingHttpHeaders = {}) =>
  (stream: ServerHttp2Stream) => {
    stream.respond({ ...head, ...header });
    stream.write(body);
  };
const inPieces = (stream: ServerHttp2Stream) => {
  stream.respond(head, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers(okTrailer));
  const pieces = [...good].map((byte) => Buffer.of(byte));
  const next = () => {
    const piece = pieces.shift();
    if (piece) stream.write(piece, () => setImmediate(next));
    else stream.end();
  };
  next();
};

/** But for the date. */
const listOf = (headers: Headers) => [...headers].filter(([name]) => name !== 'date');

/** Everything that a caller gets. */
async function outcomeOf(transport: Transport, options: CallOptions = {}) {
  const got: Record<string, unknown> = {};
  try {
    const response = await callBy(transport, {
      timeoutMs: 5_000,
      onHeader: (header) => Object.assign(got, { header: listOf(header) }),
      onTrailer: (trailer) => Object.assign(got, { trailer: listOf(trailer) }),
      ...options,
    });
    return { ...got, message: { ...response.customer } };
  } catch (reason) {
    const { code, rawMessage, details, isWireError, metadata } = reason as ConnectError;
    return { code: Code[code], rawMessage, details, isWireError, metadata: listOf(metadata) };
  }
}

describe('a response is the same to our client and to that of Connect:', () => {
  const error = { 'grpc-status': '9', 'grpc-message': 'not%20now %E2%82%AC' };

  test.for<[what: string, respond: (stream: ServerHttp2Stream) => unknown]>([
    ['a message', ok(good)],
    ['headers and trailers', whole(good, { a: ['1', '2'], 'x-bin': 'AAE' }, { ...okTrailer, z: '3' })],
    ['an empty message', ok(framed(Buffer.alloc(0)))],
    ['a message in pieces', inPieces],
    [
      'the largest message',
      ok(framed(Buffer.concat([message, Buffer.alloc(readMaxBytes - message.length)]))),
    ],
    ['one that is too large', ok(framed(Buffer.alloc(readMaxBytes + 1)))],
    ['one that says it is too large, and does not come', open(Buffer.of(0, 0x7f, 0xff, 0xff, 0xff))],
    ['gzip', ok(framed(gzipSync(message), 1), { 'grpc-encoding': 'gzip' })],
    ['brotli', ok(framed(brotliCompressSync(message), 1), { 'grpc-encoding': 'br' })],
    ['a message that could be compressed', ok(good, { 'grpc-encoding': 'gzip' })],
    ['a name of a compression in capitals', ok(framed(gzipSync(message), 1), { 'grpc-encoding': 'GZIP' })],
    ['an unknown compression', ok(good, { 'grpc-encoding': 'snappy' })],
    ['a compressed message without a compression', ok(framed(gzipSync(message), 1))],
    ['the same in an open response', open(framed(gzipSync(message), 1))],
    ['a compressed message of identity', ok(framed(message, 1), { 'grpc-encoding': 'identity' })],
    ['a compressed message that is not', ok(framed(message, 1), { 'grpc-encoding': 'gzip' })],
    ['the same in an open response', open(framed(message, 1), { 'grpc-encoding': 'gzip' })],
    ['a bomb', ok(framed(gzipSync(Buffer.alloc(1_000_000)), 1), { 'grpc-encoding': 'gzip' })],
    [
      'a compressed message of nonsense',
      ok(framed(gzipSync(Buffer.of(255)), 1), { 'grpc-encoding': 'gzip' }),
    ],
    ['flags that mean nothing', ok(framed(message, 0x82))],
    ['nonsense', ok(framed(Buffer.of(255, 255)))],
    ['nonsense in an open response', open(framed(Buffer.of(255, 255)))],
    ['text that is not UTF-8', ok(framed(Buffer.of(0x0a, 3, 0x12, 1, 0xff)))],
    ['unknown fields', ok(framed(Buffer.concat([message, Buffer.of(0x78, 1)])))],
    ['no message', whole(undefined, {}, okTrailer)],
    ['half a prefix', ok(good.subarray(0, 3))],
    ['half a message', ok(good.subarray(0, -1))],
    ['two messages', ok(Buffer.concat([good, good]))],
    ['two messages in an open response', open(Buffer.concat([good, good]))],
    ['a message and a half', ok(Buffer.concat([good, good.subarray(0, -1)]))],
    ['a message and a byte', ok(Buffer.concat([good, Buffer.of(0)]))],
    ['no trailers', whole(good)],
    ['trailers without a status', whole(good, {}, { z: '3' })],
    ['an error', whole(undefined, { a: '1' }, { ...error, z: '3' })],
    ['an error after a message', whole(good, {}, error)],
    ['an error after half a message', whole(good.subarray(0, -1), {}, error)],
    ['an error after nonsense', whole(framed(Buffer.of(255)), {}, error)],
    ['an error in the headers', only({ ...error, a: '1' })],
    ['an error in the headers, and a message', whole(good, error)],
    ['an error in the headers, and a message with trailers', whole(good, error, okTrailer)],
    ['an error in the headers, and one in the trailers', whole(undefined, error, { 'grpc-status': '5' })],
    ['OK in the headers', only(okTrailer)],
    ['OK in the headers, and a message', whole(good, okTrailer)],
    ['nothing', only({})],
    ['details', only({ 'grpc-status': '5', 'grpc-status-details-bin': 'CAUSAW4aBQoBYRIAGgA' })],
    ['details that say it is OK', whole(good, {}, { 'grpc-status': '5', 'grpc-status-details-bin': 'CAA' })],
    ['details in no base64', whole(good, {}, { 'grpc-status': '5', 'grpc-status-details-bin': '!' })],
    ['details that are no status', whole(good, {}, { 'grpc-status': '5', 'grpc-status-details-bin': '//8' })],
    ['an error in no percent code', whole(undefined, {}, { 'grpc-status': '5', 'grpc-message': '%zz' })],
    ['a status that is no number', whole(good, {}, { 'grpc-status': 'zero' })],
    ['an unknown status', whole(good, {}, { 'grpc-status': '99' })],
    ['two statuses', whole(good, {}, { 'grpc-status': ['0', '5'] })],
    ['a type that names no format', ok(good, { 'content-type': 'application/grpc' })],
    ['a type in capitals', ok(good, { 'content-type': 'Application/GRPC' })],
    ['gRPC-Web', ok(good, { 'content-type': 'application/grpc-web+proto' })],
    ['no type', (stream) => stream.respond({ ':status': 200 }, { endStream: true })],
    ["a proxy's page", whole(Buffer.from('<html>'), { 'content-type': 'text/html' })],
    ["a proxy's page that does not end", open(Buffer.from('<html>'), { 'content-type': 'text/html' })],
    ['404 that is OK', ok(good, { ':status': 404 })],
    ...[204, 302, 400, 401, 403, 404, 429, 500, 502, 503, 504].map(
      (status) => [`${status}`, only({ ':status': status })] as [string, () => unknown],
    ),
    [
      'a hint in front',
      (stream) => {
        stream.additionalHeaders({ ':status': 103, link: '</x>' });
        ok(good)(stream);
      },
    ],
  ])('%s', async ([, respond]) => {
    const { url, resets } = await startPeer(respond);
    const outcome = await outcomeOf(ours(url));
    expect(outcome).toEqual(await outcomeOf(connects(url)));
    // None is left open.
    await eventually(() => resets.length === 2);
  });
});

test('where Connect is wrong: half a message of five bytes, and several cookies in the trailers', async () => {
  const { url: half } = await startPeer(ok(good.subarray(0, 5)));
  expect(await outcomeOf(ours(half))).toMatchObject({ rawMessage: 'protocol error: incomplete envelope' });
  const { url } = await startPeer(whole(good, {}, { ...okTrailer, 'set-cookie': ['a=1', 'b=2'] }));
  const trailer = [
    ['grpc-status', '0'],
    ['set-cookie', 'a=1'],
    ['set-cookie', 'b=2'],
  ];
  expect(await outcomeOf(ours(url))).toMatchObject({ trailer });
});

test.for<[what: string, options: CallOptions]>([
  ['alone', {}],
  ['with a deadline', { timeoutMs: 40_000 }],
  ['with no time, which is no deadline', { timeoutMs: 0 }],
  ['with a deadline in its headers', { headers: { 'grpc-timeout': '40S' } }],
  [
    'with headers',
    {
      headers: [
        ['a', '1'],
        ['a', '2'],
        ['x-bin', 'AAE'],
        ['cookie', 'c=3; d=4'],
      ],
    },
  ],
  [
    'with headers that it sets itself',
    { headers: { 'content-type': 'a/b', te: 'x', 'grpc-accept-encoding': 'y' } },
  ],
  ["with its caller's name", { headers: { 'user-agent': 'me' } }],
])('a request %s is the same from our client and from that of Connect', async ([, options]) => {
  const requests: unknown[] = [];
  const { url } = await startPeer(async (stream, headers) => {
    const chunks = await Array.fromAsync(stream as AsyncIterable<Buffer>);
    requests.push({ ...headers, body: Buffer.concat(chunks).toString('hex') });
    ok(good)(stream);
  });
  for (const transport of [ours(url), connects(url)]) await callBy(transport, options);
  expect(requests[0]).toEqual(requests[1]);
  expect(requests[0]).toMatchObject({ ':path': '/orderflow.enrichment.v1.CustomerService/GetCustomer' });
});

test('a header that HTTP/2 does not allow fails the call only', async () => {
  const { url } = await startPeer(ok(good));
  const transport = ours(url);
  const refused = await failure(callBy(transport, { headers: { connection: 'close' } }));
  expect(refused.code).toBe(Code.Internal);
  expect((await callBy(transport)).customer).toMatchObject(customer);
});

describe('a connection that', () => {
  const type = { 'content-type': 'application/grpc' };
  const header = (stream: number) => frames.header(stream, type);
  const data = (stream: number) => frames.data(stream, good);
  const half = (stream: number) => frames.data(stream, good.subarray(0, 8));
  const trailer = (stream: number) => frames.trailer(stream, okTrailer);
  const reset = (code: number) => (stream: number) => frames.reset(stream, code);
  const sent =
    (...parts: ((stream: number) => Buffer)[]) =>
    (stream: number, socket: Socket) =>
      void socket.write(Buffer.concat(parts.map((part) => part(stream))));
  const closed =
    (...parts: ((stream: number) => Buffer)[]) =>
    (stream: number, socket: Socket) =>
      void socket.end(Buffer.concat(parts.map((part) => part(stream))));
  const lengths: [string, string][] = [
    ['short', 'c-1'],
    ['long', 'x'.repeat(200_000)],
  ];
  const NO_ERROR = 0;
  const INTERNAL_ERROR = 2;
  const codes = [NO_ERROR, 1, INTERNAL_ERROR, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 99];

  type Respond = (stream: number, socket: Socket) => void;
  const broken: [string, Respond][] = [
    ...codes.flatMap((code): [string, Respond][] => [
      [`resets a call with ${code}`, sent(reset(code))],
      [`resets a response with ${code} after its headers`, sent(header, reset(code))],
      [`resets a response with ${code} within its message`, sent(header, half, reset(code))],
      [`resets a response with ${code} after its message`, sent(header, data, reset(code))],
    ]),
    [
      'sends trailers that are not the end',
      sent(header, data, (stream) => frames.trailer(stream, okTrailer, 4)),
    ],
    ['sends a message before the headers', sent(data, header, trailer)],
    ['sends headers twice', sent(header, header, data, trailer)],
    [
      'sends a length that is wrong',
      sent((n) => frames.header(n, { ...type, 'content-length': '3' }), data, trailer),
    ],
    ['sends a response of another stream', sent(() => header(99))],
    ['sends headers that cannot be read', sent(frames.unreadable)],
    ['sends no frames', (_, socket) => void socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['goes away without the call', sent(() => frames.goAway(0, NO_ERROR))],
    ['goes away with an error', sent(() => frames.goAway(1, INTERNAL_ERROR))],
    ['goes away with an error before the response', sent(() => frames.goAway(1, 11), header, data, trailer)],
    ['ends before the response', closed()],
    ['ends within a frame', closed(header, (stream) => data(stream).subarray(0, 12))],
    ['ends before the trailers', closed(header, data)],
    ['is reset', (_, socket) => void socket.resetAndDestroy()],
  ];
  test.for(
    broken.flatMap(([what, respond]) => lengths.map(([length, id]) => [what, length, respond, id] as const)),
  )('%s is an outage, for a %s request', async ([, , respond, id]) => {
    const { url } = await startHttp2Peer(respond);
    const error = await failure(callBy(ours(url, { retries: 0 }), {}, id));
    expect([error.rawMessage, errorReason(error)]).toEqual(['peer: no response', 'DEPENDENCY_UNAVAILABLE']);
  });

  test('breaks says why', async () => {
    const { url } = await startHttp2Peer(sent(() => frames.goAway(1, INTERNAL_ERROR)));
    const { cause } = await failure(callBy(ours(url, { retries: 0 })));
    expect(cause).toMatchObject({ rawMessage: 'Session closed with error code 2' });
  });

  const fine: [string, Respond][] = [
    ['sends nothing else', sent(header, data, trailer)],
    ...codes.map((code): [string, Respond] => [
      `resets a whole response with ${code}`,
      sent(header, data, trailer, reset(code)),
    ]),
    ['sends more after the end', sent(header, data, trailer, data)],
    ['goes away before the response', sent(() => frames.goAway(1, NO_ERROR), header, data, trailer)],
    ['goes away with an error after the response', sent(header, data, trailer, () => frames.goAway(1, 2))],
    ['ends after the response', closed(header, data, trailer)],
  ];
  test.for(
    fine.flatMap(([what, respond]) => lengths.map(([length, id]) => [what, length, respond, id] as const)),
  )('%s does not matter to a response, for a %s request', async ([, , respond, id]) => {
    const { url } = await startHttp2Peer(respond);
    expect((await callBy(ours(url), {}, id)).customer).toMatchObject(customer);
  });

  test('responds before it has read the request need not read it', async () => {
    const { url, seen } = await startHttp2Peer(sent(header, data, trailer));
    const transport = ours(url);
    await callBy(transport);
    await callBy(transport, {}, 'x'.repeat(200_000));
    await eventually(() => expect(seen).toEqual(['end', 'reset 8']));
  });

  test('sends no frames does not end the process when another call comes at once', async () => {
    const { url } = await startHttp2Peer(
      (_, socket) => void socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'),
    );
    const transport = ours(url);
    const uncaught: unknown[] = [];
    const onUncaught = (error: unknown) => void uncaught.push(error);
    process.on('uncaughtExceptionMonitor', onUncaught);
    onTestFinished(() => void process.off('uncaughtExceptionMonitor', onUncaught));
    const callers = Array.from({ length: 5 }, async () => {
      for (let i = 0; i < 20; i++) await failure(callBy(transport));
    });
    await Promise.all(callers);
    expect(uncaught).toEqual([]);
  });

  test('goes away is replaced', async () => {
    const { url, connections } = await startPeer((stream) => {
      stream.session?.goaway(NO_ERROR, stream.id);
      ok(good)(stream);
    });
    const transport = ours(url);
    for (let i = 0; i < 3; i++) await callBy(transport);
    expect(connections()).toBe(3);
  });
});

test('calls share one connection', async () => {
  const { url, connections } = await startPeer(ok(good));
  const transport = ours(url);
  await Promise.all(Array.from({ length: 50 }, () => callBy(transport)));
  for (let i = 0; i < 50; i++) await callBy(transport);
  expect(connections()).toBe(1);
});

describe('a call that its caller gives up', () => {
  const isWaiting = (transport: Transport, options: CallOptions) => failure(callBy(transport, options));

  test.for<[what: string, respond: (stream: ServerHttp2Stream) => unknown]>([
    ['before the response', () => {}],
    ['before the message', open()],
    ['within the message', open(good.subarray(0, 8))],
    ['before the trailers', open(good)],
  ])('%s ends at once or at its deadline, and its stream with it', async ([, respond]) => {
    const begun: ServerHttp2Stream[] = [];
    const { url, resets } = await startPeer((stream) => {
      begun.push(stream);
      respond(stream);
    });
    const transport = ours(url);
    const abort = new AbortController();
    const cancelled = isWaiting(transport, { signal: abort.signal });
    await eventually(() => begun.length === 1);
    abort.abort();
    const { code, rawMessage } = await cancelled;
    expect([code, rawMessage]).toEqual([Code.Canceled, 'This operation was aborted']);
    expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
    const late = await isWaiting(transport, { timeoutMs: 50 });
    expect([late.code, late.rawMessage]).toEqual([Code.DeadlineExceeded, 'the operation timed out']);
    await eventually(() => expect(resets).toEqual([8, 8]));
  });

  test('before it is made is not sent', async () => {
    const { url, connections } = await startPeer(ok(good));
    const reason = new Error('no longer needed');
    const error = await isWaiting(ours(url), { signal: AbortSignal.abort(reason) });
    expect([error.code, error.rawMessage, error.cause]).toEqual([Code.Canceled, 'no longer needed', reason]);
    expect(connections()).toBe(0);
  });

  test('while it waits for its connection ends at once; the connection serves the next one', async () => {
    let isFirst = true;
    const { url, resets, connections } = await startPeer((stream) => {
      if (!isFirst) ok(good)(stream);
      isFirst = false;
    });
    const transport = ours(url);
    const abort = new AbortController();
    const cancelled = isWaiting(transport, { signal: abort.signal });
    abort.abort();
    expect((await cancelled).code).toBe(Code.Canceled);
    expect((await callBy(transport)).customer).toMatchObject(customer);
    await eventually(() => expect(resets.toSorted()).toEqual([0, 8]));
    expect(connections()).toBe(1);
  });

  test('after its response has it', async () => {
    const { url, resets } = await startPeer(ok(good));
    const abort = new AbortController();
    const response = await callBy(ours(url), { signal: abort.signal });
    expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
    abort.abort();
    expect(response.customer).toMatchObject(customer);
    await eventually(() => expect(resets).toEqual([0]));
  });
});

test('a stream that the peer resets at the deadline is late, not cancelled', async () => {
  const { url } = await startPeer((stream) => stream.close(8));
  const passed = await failure(callBy(ours(url), { headers: { 'grpc-timeout': '1n' } }));
  expect(passed.code).toBe(Code.DeadlineExceeded);
  expect((await failure(callBy(ours(url)))).code).toBe(Code.Canceled);
});

test('a call that has ended leaves no timer', async () => {
  const { url } = await startPeer(ok(good));
  const transport = ours(url);
  const timers = () => process.getActiveResourcesInfo().filter((what) => what === 'Timeout').length;
  await callBy(transport);
  const before = timers();
  for (let i = 0; i < 20; i++) await callBy(transport, { timeoutMs: 1_000_000 });
  expect(timers()).toBeLessThan(before + 20);
});
