import type { Component, Logger } from '@orderflow/runtime';
import { Redis } from 'ioredis';

/** Longer than any response of a healthy Redis; after that we continue without it. */
const maxWaitMs = 250;
/** The time without a failure after which Redis counts as healthy: some commands may work while others fail. */
const recoveryMs = 5_000;

/**
 * Connects Redis as a cache: while it is unavailable every command fails at once, and it reconnects in the background.
 */
export function createRedis(url: string, logger: Logger): { redis: Redis; component: Component } {
  const redis = new Redis(url, {
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    connectTimeout: 2_000,
    commandTimeout: maxWaitMs,
    // Servers before Redis 7.2 refuse the command for it.
    disableClientInfo: true,
    retryStrategy: (attempt) => Math.min(attempt * 100, 2_000),
  });
  let failedAt: number | undefined;
  function onFailure(error: Error): void {
    // Redis does not know the script yet; ioredis then sends the script itself.
    if (error.message.startsWith('NOSCRIPT')) return;
    if (failedAt === undefined) {
      logger.warn({ err: error }, 'Redis is unavailable: enrichment is read from the API until it is back');
    }
    failedAt = performance.now();
  }
  function onReply(): void {
    if (failedAt === undefined || performance.now() - failedAt < recoveryMs) return;
    logger.info('Redis is available again');
    failedAt = undefined;
  }
  redis.on('error', onFailure);
  // Every command is observed: a frozen, full or read-only Redis keeps its connection and emits no event.
  const sendCommand = redis.sendCommand.bind(redis);
  redis.sendCommand = (command, stream) => {
    command.promise.then(onReply, onFailure);
    return sendCommand(command, stream);
  };
  return {
    redis,
    component: {
      name: 'redis',
      async start() {
        // An unavailable Redis does not prevent the start.
        await redis.connect().catch(() => {});
      },
      async stop() {
        redis.disconnect();
      },
    },
  };
}
