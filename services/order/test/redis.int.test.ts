import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { createLogger } from '@orderflow/runtime';
import { eventually } from '@orderflow/testing';
import { expect, test } from 'vitest';
import { createRedis } from '../src/outbound/redis/redis.ts';

test('a Redis that accepts commands and never responds is logged, once', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    // It lets clients in, then freezes.
    socket.once('data', () => socket.write('+OK\r\n'.repeat(10)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const lines: string[] = [];
  const logger = createLogger({
    service: 'test',
    level: 'info',
    destination: { write: (line) => void lines.push(line) },
  });
  const { port } = server.address() as AddressInfo;
  const { redis, component } = createRedis(`redis://127.0.0.1:${port}`, logger);
  try {
    await component.start();
    for (let n = 0; n < 3; n++) await expect(redis.get('a')).rejects.toThrow();
    await eventually(() => lines.length > 0);
    expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual([
      'Redis is unavailable: enrichment is read from the API until it is back',
    ]);
  } finally {
    await component.stop();
    server.close();
  }
});
