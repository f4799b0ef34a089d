/** Counts that several instances add to. */
export interface SharedCounts {
  /** How long a count lasts. */
  readonly windowMs: number;
  /**
   * Adds to a count, which begins when something is added that ends no count that has begun; resolves to its points,
   * with those of all instances, and the milliseconds until it ends. Rejects while the counts are unavailable.
   */
  add(key: string, points: number): Promise<{ readonly points: number; readonly endsInMs: number }>;
}

/**
 * Creates counts in Redis, each of which lasts `windowMs`, whole seconds. Each addition is one command. The connection
 * of `redis`, an ioredis, should have a `commandTimeout`, and no offline queue.
 */
export async function redisCounts(redis: object, prefix: string, windowMs: number): Promise<SharedCounts> {
  // Only where it is used, and not the package's index: that loads limiters for twenty stores, 10 MiB.
  const { default: RateLimiterRedis } = await import('rate-limiter-flexible/lib/RateLimiterRedis.js');
  const limiter = new RateLimiterRedis({
    storeClient: redis,
    keyPrefix: `${prefix}rate-limit`,
    duration: windowMs / 1000,
    // Each instance decides for itself who is refused.
    points: Number.MAX_SAFE_INTEGER,
  });
  return {
    windowMs,
    async add(key, points) {
      const { consumedPoints, msBeforeNext } = await limiter.consume(key, points);
      return { points: consumedPoints, endsInMs: msBeforeNext };
    },
  };
}
