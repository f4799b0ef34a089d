import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { isSettled } from '@orderflow/local/audit';
import { sumOf } from '@orderflow/local/system';
import { eventually, privateStack } from '@orderflow/testing';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Run, startRun } from '../src/grid.ts';
import { decidedCount } from '../src/test-system.ts';

let own: Awaited<ReturnType<typeof privateStack>>;
let run: Run;
let redis: Redis;

beforeAll(async () => {
  own = await privateStack({ parts: ['redis'] });
  run = await startRun('faults-redis', { REDIS_URL: own.urls.REDIS_URL });
  redis = new Redis(own.urls.REDIS_URL);
  redis.on('error', () => {});
});
afterAll(async () => {
  redis?.disconnect();
  await run?.[Symbol.asyncDispose]();
  await own?.[Symbol.asyncDispose]();
});

/** Customers and products that the worker found in the cache. */
async function hits(): Promise<number> {
  return sumOf(await run.worker.metrics(), 'orderflow_enrichment_cache_total', { result: 'hit' });
}

/** The same customers and products each time, so that a cache that works has all of them. */
async function decideSome(name: string): Promise<void> {
  await run.send(run.make(name, 300));
  await run.settle();
}

/** All is decided as it must be, without a single hit, and the cache is of use again when it is over. */
async function decideWithoutCache(name: string): Promise<void> {
  const before = await hits();
  await decideSome(name);
  expect(await hits()).toBe(before);
}

async function decideFromCache(name: string): Promise<void> {
  let tries = 0;
  await eventually(async () => {
    const before = await hits();
    tries += 1;
    // Other orders each time: the worker may find out only during the first ones that Redis is back.
    await decideSome(`${name}-${tries}`);
    expect(await hits()).toBeGreaterThan(before);
  });
}

test('Redis works: this is what is missing in the other tests', () => decideFromCache('well'));

test('Redis gone', async () => {
  await own.parts.redis.kill();
  await decideWithoutCache('gone');
  await own.parts.redis.start();
  await decideFromCache('gone-and-back');
});

test('Redis flushed again and again', async () => {
  const before = await decidedCount(run.stores);
  await run.send(run.make('flushed', 1_000));
  let flushes = 0;
  await eventually(
    async () => {
      await redis.flushall();
      flushes += 1;
      return isSettled(run.stores, run.sent);
    },
    { timeoutMs: 60_000 },
  );
  expect(flushes).toBeGreaterThan(3);
  expect(await decidedCount(run.stores)).toBeGreaterThan(before);
  await run.settle();
});

test('Redis frozen: connections stay open, nothing responds', async () => {
  own.parts.redis.freeze();
  try {
    await decideWithoutCache('frozen');
  } finally {
    own.parts.redis.thaw();
  }
  await decideFromCache('thawed');
});

test('Redis read-only, as a replica that was promoted to nothing', async () => {
  await redis.replicaof('127.0.0.1', 1);
  try {
    await expect(redis.set('a', 'b')).rejects.toThrow('READONLY');
    await decideSome('read-only');
  } finally {
    await redis.replicaof('NO', 'ONE');
  }
  await decideFromCache('writable');
});

test.for([
  ['bytes that are no Redis protocol', 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'],
  ['a response of another type to everything', '$7\r\ngarbage\r\n'],
  ['an array of garbage to everything', '*3\r\n$7\r\ngarbage\r\n:1\r\n*1\r\n+no\r\n'],
] as const)('Redis responds with %s', async ([name, response]) => {
  const server = await garbageServer(response);
  try {
    await run.worker.stop();
    await run.worker.start({ REDIS_URL: `redis://127.0.0.1:${(server.address() as AddressInfo).port}` });
    await decideWithoutCache(name.replaceAll(' ', '-'));
  } finally {
    await run.worker.stop();
    server.close();
  }
  await run.worker.start();
});

/** Gives the same response to each command. */
async function garbageServer(response: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (data) => {
      // Each command is a separate array: one response for each, as a client expects.
      const commands = data.toString('latin1').match(/(?<=^|\r\n)\*\d+\r\n\$/g)?.length ?? 1;
      socket.write(response.repeat(commands));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
