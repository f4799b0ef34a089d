// HTTP/2 streams that a client library does not make.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { eventually } from '@orderflow/testing';
import { expect, onTestFinished, test } from 'vitest';
import { startServer } from './fixture.ts';
import { frame, headerBlock } from './http2-frame.ts';

const preface = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(4, 0, 0)]);
const reset = (code: number) => frame(3, 0, 1, Buffer.from([0, 0, 0, code]));
const goaway = frame(7, 0, 0, Buffer.from([0, 0, 0, 0, 0, 0, 0, 2]));

/** The headers of a request whose end does not come with them. */
function headersOf(fields: Record<string, string>): Buffer {
  const endHeaders = 4;
  return frame(1, endHeaders, 1, headerBlock(fields));
}

const post = { ':method': 'POST', ':scheme': 'http', ':path': '/x', ':authority': 'x' };
const call = {
  ...post,
  ':path': '/orderflow.enrichment.v1.CustomerService/GetCustomer',
  'content-type': 'application/grpc',
};
const connectTo = { ':method': 'CONNECT', ':authority': 'x' };
const requests = {
  'a page': post,
  'a call': call,
  'a call that waits for 100 Continue': { ...call, expect: '100-continue' },
  'a call that expects something else': { ...call, expect: 'a miracle' },
  CONNECT: connectTo,
};

async function dial(port: number, bytes: Buffer): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {});
  socket.resume();
  await once(socket, 'connect');
  socket.write(bytes);
  return socket;
}

async function isAlive(url: string): Promise<boolean> {
  const response = await fetch(`${url}/health/live`, { headers: { connection: 'close' } });
  return response.ok;
}

test.each(Object.entries(requests))('%s is reset in the packet that begins it', async (_, fields) => {
  const { port, url } = await startServer();
  for (const end of [reset(8), reset(0), reset(2), goaway]) {
    const socket = await dial(port, Buffer.concat([preface, headersOf(fields), end]));
    await once(socket, 'data');
  }
  // An error that nothing handles would end the process, and fails this run.
  expect(await isAlive(url)).toBe(true);
});

test.each(Object.entries(requests))('%s that never ends leaves its connection free', async (name, fields) => {
  const { port, url } = await startServer({
    limits: { maxConnections: 2, headersTimeoutMs: 300, requestTimeoutMs: 300 },
  });
  for (let n = 0; n < 2; n++) {
    const socket = await dial(port, Buffer.concat([preface, headersOf(fields)]));
    await once(socket, 'data');
  }
  await eventually(() => isAlive(url).catch(() => false), { timeoutMs: 5_000 });
  expect(await isAlive(url), name).toBe(true);
});
