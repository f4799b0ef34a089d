import { setTimeout as sleep } from 'node:timers/promises';
import { type Component, crashPoint, type Logger } from '@orderflow/runtime';
import { crashPoints } from '../crash-points.ts';

const firstRetryMs = 500;
const maxRetryMs = 30_000;

/**
 * Counts the orders from before the oldest event on the topic, once in the life of a database. It begins with the
 * process and delays nothing; while the order API or Postgres is unavailable, it waits for both.
 * @param options.countPage counts a page; returns whether it was the last one.
 */
export function orderBackfill(options: {
  readonly countPage: (signal: AbortSignal) => Promise<boolean>;
  readonly logger: Logger;
}): Component {
  const { countPage, logger } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  let working: Promise<void> = Promise.resolve();

  async function run(): Promise<void> {
    let retryMs = firstRetryMs;
    while (!signal.aborted) {
      try {
        const isDone = await countPage(signal);
        crashPoint(crashPoints.backfilled);
        if (isDone) return;
        retryMs = firstRetryMs;
      } catch (error) {
        if (signal.aborted) return;
        if (retryMs === firstRetryMs) {
          logger.warn({ err: error }, 'earlier orders cannot be read: they are counted later; retrying');
        }
        await sleep(retryMs, undefined, { signal }).catch(() => {});
        retryMs = Math.min(2 * retryMs, maxRetryMs);
      }
    }
  }

  return {
    name: 'order-backfill',
    async start() {
      working = run();
    },
    async stop() {
      stopping.abort();
      await working;
    },
  };
}
