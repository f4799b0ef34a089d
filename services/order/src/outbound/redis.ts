import type { Component, Logger } from '@orderflow/runtime';
import { Redis } from 'ioredis';

/** Longer than any answer of a healthy Redis; then we go on without it. */
const patienceMs = 250;

/** Redis as a cache: when it is away every command fails at once, and it is connected again in the background. */
export function createRedis(url: string, logger: Logger): { redis: Redis; component: Component } {
  const redis = new Redis(url, {
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    connectTimeout: 2_000,
    commandTimeout: patienceMs,
    retryStrategy: (attempt) => Math.min(attempt * 100, 2_000),
  });
  let away = false;
  redis.on('error', (error: Error) => {
    if (!away) logger.warn({ err: error }, 'Redis is away: enrichment is read from the API until it is back');
    away = true;
  });
  redis.on('ready', () => {
    if (away) logger.info('Redis is back');
    away = false;
  });
  return {
    redis,
    component: {
      name: 'redis',
      async start() {
        // Not being there is no reason not to start.
        await redis.connect().catch(() => {});
      },
      async stop() {
        redis.disconnect();
      },
    },
  };
}
