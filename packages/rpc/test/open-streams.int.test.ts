import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { Health } from '@orderflow/contracts/grpc/health/v1/health';
import {
  ServerReflection,
  type ServerReflectionRequest,
} from '@orderflow/contracts/grpc/reflection/v1/reflection';
import { eventually } from '@orderflow/testing';
import { expect, onTestFinished, test } from 'vitest';
import { errorReason } from '../src/index.ts';
import { failure, startServer } from './fixture.ts';

/** Streams of a client that sends one request and then neither sends nor ends; they count responses and ends. */
function openReflection(url: string, streams: number) {
  const abort = new AbortController();
  onTestFinished(() => abort.abort());
  const client = createClient(ServerReflection, createGrpcTransport({ baseUrl: url }));
  const counts = { responded: 0, ended: 0 };
  async function* requests() {
    yield { messageRequest: { case: 'listServices', value: '' } } as ServerReflectionRequest;
    await new Promise((resolve) => abort.signal.addEventListener('abort', resolve));
  }
  async function open(): Promise<void> {
    for await (const _ of client.serverReflectionInfo(requests(), { signal: abort.signal }))
      counts.responded++;
    counts.ended++;
  }
  for (let n = 0; n < streams; n++) open().catch(() => {});
  return { counts, abort };
}

test('a reflection stream without a request for the idle time ends, and its connection rests', async () => {
  const { url } = await startServer({ limits: { idleTimeoutMs: 700, maxConnections: 2 } });
  const streams = [openReflection(url, 1), openReflection(url, 1)];
  await eventually(() => expect(streams.map(({ counts }) => counts.responded)).toEqual([1, 1]));
  // Both connections are in flight until then.
  await eventually(async () => {
    expect((await fetch(`${url}/health/live`, { headers: { connection: 'close' } })).ok).toBe(true);
  });
  expect(streams.map(({ counts }) => counts.ended)).toContain(1);
});

test('reflection streams and watches together are at most 100; one that ends admits another', async () => {
  const { url } = await startServer();
  const { counts, abort } = openReflection(url, 100);
  await eventually(() => expect(counts.responded).toBe(100));
  const client = createClient(Health, createGrpcTransport({ baseUrl: url }));
  const watch = () => client.watch({})[Symbol.asyncIterator]();
  expect(errorReason(await failure(watch().next()))).toBe('OVERLOADED');
  expect(errorReason(await failure(Array.fromAsync(requestsOf(url))))).toBe('OVERLOADED');
  abort.abort();
  await eventually(async () => expect((await watch().next()).done).toBe(false));
});

test('over HTTP/1.1 invalid bytes after a request get no response in the middle of its response', async () => {
  const { port } = await startServer();
  const socket = connectTcp(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {});
  let received = '';
  socket.on('data', (bytes) => {
    received += bytes.toString('latin1');
  });
  const head = `POST /${Health.typeName}/Watch HTTP/1.1\r\nhost: x\r\ncontent-type: application/connect+json`;
  socket.write(`${head}\r\ncontent-length: 7\r\n\r\n\0\0\0\0\x02{}`);
  await eventually(() => expect(received).toContain('SERVING'));
  socket.write('no request at all\r\n\r\n');
  await eventually(() => expect(socket.closed).toBe(true));
  expect(received.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200']);
});

function requestsOf(url: string) {
  const client = createClient(ServerReflection, createGrpcTransport({ baseUrl: url }));
  return client.serverReflectionInfo(
    (async function* () {
      yield { messageRequest: { case: 'listServices', value: '' } } as ServerReflectionRequest;
    })(),
  );
}

test('a watch whose request never comes ends with DEADLINE_EXCEEDED', async () => {
  const { url } = await startServer({ limits: { headersTimeoutMs: 300, requestTimeoutMs: 300 } });
  const session = connectHttp2(url);
  onTestFinished(() => session.destroy());
  const stream = session.request({
    ':method': 'POST',
    ':path': `/${Health.typeName}/Watch`,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  stream.resume();
  const trailers = await new Promise<Record<string, unknown>>((resolve) => stream.once('trailers', resolve));
  expect(trailers['grpc-status']).toBe('4');
});
