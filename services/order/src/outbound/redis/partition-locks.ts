import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { PartitionLocks } from '../../ports.ts';

/** Longer than a batch takes. */
const lockMs = 10_000;
/** How long to wait for locks held by others. */
const maxWaitMs = 500;
const retryMs = 50;

/** Acquires free locks, each with its time limit in the same command: ARGV token, ms. Returns 1 where acquired. */
const acquireFree = `
local taken = {}
for i, key in ipairs(KEYS) do
  taken[i] = redis.call('SET', key, ARGV[1], 'NX', 'PX', ARGV[2]) and 1 or 0
end
return taken`;

/** Takes the locks over from their holders: ARGV token, ms. */
const takeOver = `
for _, key in ipairs(KEYS) do redis.call('SET', key, ARGV[1], 'PX', ARGV[2]) end
return 1`;

/** Releases the locks that are still ours: ARGV token. */
const release = `
for _, key in ipairs(KEYS) do
  if redis.call('GET', key) == ARGV[1] then redis.call('DEL', key) end
end
return 1`;

/** Creates locks in Redis, one command per batch. `onError` is called with every error. */
export function createPartitionLocks(
  redis: Redis,
  prefix: string,
  onError: (error: unknown) => void,
): PartitionLocks {
  /** Acquires the keys that are free; returns those that others hold. */
  async function acquireFreeOf(keys: readonly string[], token: string): Promise<string[]> {
    const acquired = (await redis.eval(acquireFree, keys.length, ...keys, token, lockMs)) as number[];
    return keys.filter((_, index) => acquired[index] !== 1);
  }

  return {
    async acquire(partitions) {
      if (partitions.length === 0) return async () => {};
      const token = randomUUID();
      const keys = partitions.map((partition) => `${prefix}partition-lock:${partition}`);
      try {
        const deadline = performance.now() + maxWaitMs;
        let held = await acquireFreeOf(keys, token);
        while (held.length > 0 && performance.now() < deadline) {
          await sleep(retryMs);
          held = await acquireFreeOf(held, token);
        }
        // The holder is gone, or too slow. Its lock must not delay the next batches too, until it expires.
        if (held.length > 0) await redis.eval(takeOver, held.length, ...held, token, lockMs);
      } catch (error) {
        onError(error);
      }
      return async () => {
        try {
          await redis.eval(release, keys.length, ...keys, token);
        } catch (error) {
          onError(error);
        }
      };
    },
  };
}
