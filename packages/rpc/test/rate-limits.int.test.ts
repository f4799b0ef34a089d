import { Role } from '@orderflow/contracts/orderflow/access/v1/access';
import { createProxy, eventually, privateStack, uniqueName } from '@orderflow/testing';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import {
  createRateLimits,
  type LimitedCaller,
  type RateLimits,
  WINDOW_MS,
} from '../src/access/rate-limits.ts';
import { redisCounts } from '../src/access/shared-counts.ts';
import { recordingLogger } from './fixture.ts';

let stack: Awaited<ReturnType<typeof privateStack>>;
let proxy: Awaited<ReturnType<typeof createProxy>>;
let admin: Redis;
beforeAll(async () => {
  stack = await privateStack({ parts: ['redis'] });
  proxy = await createProxy({ target: stack.parts.redis.port });
  admin = new Redis(stack.urls.REDIS_URL);
});
afterAll(async () => {
  admin?.disconnect();
  await proxy?.close();
  await stack?.[Symbol.asyncDispose]();
});

function newCaller(): LimitedCaller {
  const id = uniqueName('c');
  return { id, roles: new Set([Role.CUSTOMER]), customerId: id };
}

/**
 * An instance with a connection of its own through the proxy, as the services connect. Its clock stands still.
 * `sharedMs`: how long counts last in Redis, longer than a test takes.
 */
async function instance({ sharedMs = 120_000 } = {}) {
  const redis = new Redis(`redis://127.0.0.1:${proxy.port}`, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    commandTimeout: 250,
    disableClientInfo: true,
    retryStrategy: () => 50,
    lazyConnect: true,
  });
  redis.on('error', () => {});
  let commands = 0;
  const sendCommand = redis.sendCommand.bind(redis);
  redis.sendCommand = (command, stream) => {
    commands++;
    return sendCommand(command, stream);
  };
  await redis.connect();
  commands = 0;
  onTestFinished(() => redis.disconnect());
  let time = 0;
  const limits = createRateLimits({
    ...{ perCaller: 50, perService: 'off', logger: recordingLogger().logger },
    shared: await redisCounts(redis, 'test.', sharedMs),
    now: () => time,
  });
  return {
    limits,
    redis,
    commands: () => commands,
    allowed: (caller: LimitedCaller, calls: number, weight = 1) => allowed(limits, caller, calls, weight),
    pass(ms: number) {
      time += ms;
    },
  };
}

/** How many calls are allowed, all in one turn of the event loop: nothing is waited for. */
function allowed(limits: RateLimits, caller: LimitedCaller, calls: number, weight = 1): number {
  let count = 0;
  for (let n = 0; n < calls; n++) {
    try {
      limits.take(caller, weight);
      count++;
    } catch {
      // Refused.
    }
  }
  return count;
}

/** Resolves once the calls of a caller reach Redis again. */
async function isSharing(one: Awaited<ReturnType<typeof instance>>): Promise<void> {
  await eventually(async () => {
    const attempt = newCaller();
    one.pass(1_000);
    one.allowed(attempt, 5);
    await one.redis.ping().catch(() => {});
    return (await shared(attempt)) === 5;
  });
  const caller = newCaller();
  one.allowed(caller, 50);
  await eventually(async () => (await shared(caller)) === 50);
}

const keyOf = (caller: LimitedCaller) => `test.rate-limit:customer:${caller.customerId}`;
const shared = async (caller: LimitedCaller) => Number(await admin.get(keyOf(caller)));

test('a burst is refused above the limit; what it has used is in Redis, for two seconds at most', async () => {
  const one = await instance({ sharedMs: WINDOW_MS });
  const caller = newCaller();
  expect(one.allowed(caller, 500)).toBe(100);
  expect(one.allowed(newCaller(), 100)).toBe(100);
  await eventually(async () => expect(await shared(caller)).toBe(100));
  expect(await admin.pttl(keyOf(caller))).toBeLessThanOrEqual(2_000);
  await eventually(async () => (await admin.exists(keyOf(caller))) === 0);
});

test('instances share a limit, with weights', async () => {
  const [one, other] = [await instance(), await instance()];
  const caller = newCaller();
  expect(one.allowed(caller, 6, 10)).toBe(6);
  await eventually(async () => expect(await shared(caller)).toBe(60));
  // It learns of the others with the first that it has to say.
  expect(other.allowed(caller, 1, 10)).toBe(1);
  await eventually(() => expect(other.allowed(caller, 10, 100)).toBe(0));
  await eventually(async () => expect(await shared(caller)).toBe(70));
  expect(other.allowed(caller, 100)).toBe(30);
  await eventually(async () => expect(await shared(caller)).toBe(100));
  // For all that it knows 40 are left.
  expect(one.allowed(caller, 5)).toBe(5);
  await eventually(() => expect(one.allowed(caller, 1)).toBe(0));
});

test('a caller far below its limit costs no command; one at its limit one in five calls; one refused none', async () => {
  const one = await instance();
  const caller = newCaller();
  one.allowed(caller, 4);
  expect(one.commands()).toBe(0);
  let calls = 4;
  while (calls < 100) {
    calls += one.allowed(caller, 1);
    await eventually(async () => (await shared(caller)) > calls - 5);
  }
  const commands = one.commands();
  // Redis did not know the script at first.
  expect(commands).toBeLessThanOrEqual(21);
  expect(one.allowed(caller, 10_000)).toBe(0);
  await new Promise(setImmediate);
  expect(one.commands()).toBe(commands);
});

test('Redis frozen: every call is decided at once, by each instance; then counts are shared again', async () => {
  const [one, other] = [await instance(), await instance()];
  proxy.freeze();
  onTestFinished(() => proxy.heal());
  const caller = newCaller();
  expect(one.allowed(caller, 500)).toBe(100);
  expect(other.allowed(caller, 500)).toBe(100);
  // Its command is given up; until the next attempt nothing is sent.
  await expect(one.redis.ping()).rejects.toThrow('timed out');
  const commands = one.commands();
  for (let n = 0; n < 100; n++) expect(one.allowed(newCaller(), 200)).toBe(100);
  expect(one.commands()).toBe(commands);
  await proxy.heal();
  await isSharing(one);
});

test('Redis flushed: callers get their limit once more, and counts go on', async () => {
  const one = await instance();
  const caller = newCaller();
  expect(one.allowed(caller, 90)).toBe(90);
  await eventually(async () => expect(await shared(caller)).toBe(90));
  await admin.flushall();
  await admin.script('FLUSH');
  expect(one.allowed(caller, 5)).toBe(5);
  await eventually(async () => expect(await shared(caller)).toBe(5));
  await eventually(() => one.allowed(caller, 200) === 95);
});

test('Redis away: every call is decided at once; when it is back, counts are shared again', async () => {
  const one = await instance();
  await proxy.refuse();
  onTestFinished(() => proxy.heal());
  const caller = newCaller();
  expect(one.allowed(caller, 500)).toBe(100);
  await eventually(() => one.redis.status !== 'ready');
  expect(one.allowed(newCaller(), 500)).toBe(100);
  await proxy.heal();
  await isSharing(one);
});
