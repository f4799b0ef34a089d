import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { OrderLocks } from '../ports.ts';

/** Longer than a slice takes; a worker that died does not block its orders for longer. */
const lockMs = 10_000;
/** How long to wait for locks that others hold. */
const patienceMs = 500;
const retryMs = 50;

/** Takes what is free, each lock with its time limit in the same command: ARGV token, ms. Answers 1 where taken. */
const takeFree = `
local taken = {}
for i, key in ipairs(KEYS) do
  taken[i] = redis.call('SET', key, ARGV[1], 'NX', 'PX', ARGV[2]) and 1 or 0
end
return taken`;

/** Gives back the locks that are still ours: ARGV token. */
const giveBack = `
for _, key in ipairs(KEYS) do
  if redis.call('GET', key) == ARGV[1] then redis.call('DEL', key) end
end
return 1`;

/** Locks in Redis, one command a slice. `onTrouble` hears of everything that goes wrong. */
export function createOrderLocks(
  redis: Redis,
  prefix: string,
  onTrouble: (error: unknown) => void,
): OrderLocks {
  async function take(keys: readonly string[], token: string): Promise<string[]> {
    const taken = (await redis.eval(takeFree, keys.length, ...keys, token, lockMs)) as number[];
    return keys.filter((_, index) => taken[index] !== 1);
  }

  return {
    async acquire(orderIds) {
      if (orderIds.length === 0) return async () => {};
      const token = randomUUID();
      const keys = orderIds.map((id) => `${prefix}order-lock:${id}`);
      try {
        const deadline = performance.now() + patienceMs;
        let held = await take(keys, token);
        while (held.length > 0 && performance.now() < deadline) {
          await sleep(retryMs);
          held = await take(held, token);
        }
      } catch (error) {
        onTrouble(error);
      }
      return async () => {
        try {
          await redis.eval(giveBack, keys.length, ...keys, token);
        } catch (error) {
          onTrouble(error);
        }
      };
    },
  };
}
