import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { createProxy, eventually } from '../src/index.ts';

/** A server that responds "ok:" and what it got, the proxy to it, and what the server received. */
async function start() {
  let received = '';
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('data', (chunk) => {
      received += chunk;
      socket.write(`ok:${chunk}`);
    });
    socket.on('end', () => socket.end('bye'));
    socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const proxy = await createProxy({ target: address.port });
  onTestFinished(async () => {
    await proxy.close();
    server.close();
  });
  return { proxy, received: () => received };
}

async function client(
  port: number,
): Promise<{ socket: Socket; replies: () => string; closed: Promise<string> }> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  let replies = '';
  socket.on('data', (chunk) => {
    replies += chunk;
  });
  const closed = new Promise<string>((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.on('close', () => resolve('closed'));
  });
  await once(socket, 'connect');
  return { socket, replies: () => replies, closed };
}

it('passes bytes both ways and half-closed connections', async () => {
  const { proxy } = await start();
  const { socket, replies } = await client(proxy.port);
  socket.write('a');
  await eventually(() => expect(replies()).toBe('ok:a'));
  socket.end();
  await once(socket, 'end');
  expect(replies()).toBe('ok:abye');
  expect(proxy.connections()).toBe(1);
});

it('resets open connections on cut, and serves new ones', async () => {
  const { proxy } = await start();
  const first = await client(proxy.port);
  first.socket.write('a');
  await eventually(() => expect(first.replies()).toBe('ok:a'));
  proxy.cut();
  expect(await first.closed).toBe('ECONNRESET');
  const second = await client(proxy.port);
  second.socket.write('b');
  await eventually(() => expect(second.replies()).toBe('ok:b'));
});

it('refuses connections until it is healed, on the same port', async () => {
  const { proxy } = await start();
  const first = await client(proxy.port);
  await proxy.refuse();
  expect(await first.closed).toBe('ECONNRESET');
  await expect(client(proxy.port)).rejects.toThrow('ECONNREFUSED');
  await proxy.heal();
  const second = await client(proxy.port);
  second.socket.write('b');
  await eventually(() => expect(second.replies()).toBe('ok:b'));
});

it('delays replies', async () => {
  const { proxy } = await start();
  const { socket, replies } = await client(proxy.port);
  proxy.delay(200);
  const started = performance.now();
  socket.write('a');
  await eventually(() => expect(replies()).toBe('ok:a'));
  expect(performance.now() - started).toBeGreaterThan(190);
});

it('lets requests through and swallows replies', async () => {
  const { proxy, received } = await start();
  const { socket, replies } = await client(proxy.port);
  proxy.dropReplies();
  socket.write('lost');
  await eventually(() => expect(received()).toBe('lost'));
  await proxy.heal();
  socket.write('b');
  await eventually(() => expect(replies()).toBe('ok:b'));
});

it('holds everything while frozen, for new connections too, and loses nothing', async () => {
  const { proxy, received } = await start();
  const first = await client(proxy.port);
  proxy.freeze();
  const second = await client(proxy.port);
  first.socket.write('1');
  second.socket.write('2');
  const outside = await client((await start()).proxy.port);
  outside.socket.write('x');
  await eventually(() => expect(outside.replies()).toBe('ok:x'));
  expect(received()).toBe('');
  await proxy.heal();
  await eventually(() => expect(first.replies() + second.replies()).toBe('ok:1ok:2'));
});
