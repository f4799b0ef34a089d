import { generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { errorReason } from '@orderflow/rpc';
import { createProxy, eventually, testStack } from '@orderflow/testing';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { runApi } from './running-api.ts';

/** An issuer with one key, and the header with a token of a customer. */
async function startIssuer() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = { ...publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'ES256' };
  const server = createServer((_, res) => res.end(JSON.stringify({ keys: [key] })));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const tokenOf = (sub: string) => {
    const exp = Math.floor(Date.now() / 1000) + 600;
    const said = `${encode({ alg: 'ES256', kid: 'k' })}.${encode({ iss: url, aud: 'orderflow', sub, roles: ['customer'], exp })}`;
    const signature = sign('sha256', Buffer.from(said), { key: privateKey, dsaEncoding: 'ieee-p1363' });
    return { headers: { authorization: `Bearer ${said}.${signature.toString('base64url')}` } };
  };
  return { url, tokenOf };
}

/** An API that requires tokens and allows ten calls at once, with its Redis behind a proxy. */
async function runLimited() {
  const { url, tokenOf } = await startIssuer();
  const { parts, urls } = testStack();
  const proxy = await createProxy({ target: parts.redis.port });
  onTestFinished(() => proxy.close());
  const env = { AUTH_ISSUER: url, RATE_LIMIT: '5', REDIS_URL: `redis://127.0.0.1:${proxy.port}` };
  const api = await runApi(env);
  onTestFinished(() => api[Symbol.asyncDispose]());
  const { orders, config } = api;
  const redis = new Redis(urls.REDIS_URL);
  onTestFinished(() => redis.disconnect());
  /** The reason of the API's error: the client makes an outage of RATE_LIMITED. */
  const get = (customerId: string) =>
    orders
      .getOrder({ orderId: 'o-none' }, tokenOf(customerId))
      .catch((error: Error) => errorReason(error.cause) ?? errorReason(error));
  return { get, proxy, redis, keyOf: (id: string) => `${config.topicPrefix}rate-limit:customer:${id}` };
}

test('callers are counted in Redis, and those that other instances have counted are refused', async () => {
  const { get, redis, keyOf } = await runLimited();
  await eventually(async () => {
    expect(await get('c-1')).toBe('ORDER_NOT_FOUND');
    return (await redis.exists(keyOf('c-1'))) === 1;
  });
  await redis.set(keyOf('c-1'), 1_000, 'EX', 600);
  await eventually(async () => (await get('c-1')) === 'RATE_LIMITED');
  expect(await get('c-2')).toBe('ORDER_NOT_FOUND');
});

test('while Redis is frozen calls go on, and a flood is refused', async () => {
  const { get, proxy } = await runLimited();
  proxy.freeze();
  expect(await get('c-1')).toBe('ORDER_NOT_FOUND');
  await eventually(async () => {
    const reasons = await Promise.all(Array.from({ length: 30 }, () => get('c-1')));
    return reasons.includes('RATE_LIMITED') && reasons.includes('ORDER_NOT_FOUND');
  });
  expect(await get('c-2')).toBe('ORDER_NOT_FOUND');
  await proxy.heal();
});
