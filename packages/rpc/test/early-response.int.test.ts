import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { eventually } from '@orderflow/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startServer } from './fixture.ts';

const path = '/orderflow.enrichment.v1.CustomerService/GetCustomer';
const bodyBytes = 8 * 1024 * 1024;

/** A connection that reads nothing before it is asked to, and stays open when the server ends its side. */
async function dial(port: number): Promise<Socket> {
  const socket = connectTcp({ host: '127.0.0.1', port, allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** The headers of a request that is larger than allowed, and the first bytes of its message. */
function beginning(contentType: string): Buffer {
  const headers = `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: ${contentType}\r\ncontent-length: ${bodyBytes}\r\n\r\n`;
  // In gRPC-Web a message begins with its length.
  const frame = Buffer.alloc(5);
  frame.writeUInt32BE(bodyBytes - frame.length, 1);
  return Buffer.concat([Buffer.from(headers), frame, Buffer.alloc(100_000, 'x')]);
}

/** Sends until the server cuts the connection. */
async function sendUntilCut(socket: Socket, bytes: Buffer): Promise<void> {
  socket.on('error', () => {});
  await eventually(() => {
    if (!socket.destroyed && socket.writableLength === 0) socket.write(bytes);
    return socket.destroyed;
  });
}

describe.for(['application/grpc-web+proto', 'application/proto', 'application/json'])(
  'a response before the end of a request, %s',
  (contentType) => {
    test('reaches a client that reads only when it has sent everything', async () => {
      const { port, lines } = await startServer();
      const socket = await dial(port);
      socket.write(beginning(contentType));
      await eventually(() => lines.some(({ code }) => code === 'resource_exhausted'));
      socket.end(Buffer.alloc(bodyBytes - 100_005, 'x'));
      await once(socket, 'finish');
      const response = await text(socket);
      expect(response).toMatch(/^HTTP\/1\.1 (200 OK|429 Too Many Requests)\r\n/);
      expect(response).toMatch(/\r\nconnection: close\r\n/i);
      expect(response).toMatch(/grpc-status: 8|"resource_exhausted"/);
    });
  },
);

test('a client that keeps sending after its response is cut', async () => {
  const { port } = await startServer();
  const socket = await dial(port);
  socket.write(beginning('application/proto'));
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 429 /);
  await sendUntilCut(socket, Buffer.alloc(1024 * 1024));
});

test.for([
  ['after its response', beginning('application/proto'), 429],
  ['after it was too slow', Buffer.from(`POST ${path} HTTP/1.1\r\nhost: x\r\n`), 408],
] as const)('a client that does not close %s is cut in the end', async ([, request, status]) => {
  const { port } = await startServer({ limits: { headersTimeoutMs: 300, requestTimeoutMs: 600 } });
  const socket = await dial(port);
  socket.write(request);
  expect(await text(socket)).toContain(`HTTP/1.1 ${status} `);
  await sendUntilCut(socket, Buffer.alloc(1));
});

test('a page requested without a body leaves the connection open', async () => {
  const { url } = await startServer();
  for (const path of ['/health/live', '/nowhere']) {
    const { headers } = await fetch(`${url}${path}`);
    expect(headers.get('connection')).not.toBe('close');
  }
});
