import { setTimeout as sleep } from 'node:timers/promises';
import { UsageError } from '../cli.ts';

/** Keeps a rate by making the caller wait between sends. */
export interface Pace {
  /** How many records to send at once. */
  readonly chunkSize: number;
  /** Resolves when `count` more may be sent; rejects when the signal aborts. Time lost is not caught up in a burst. */
  wait(count: number, signal: AbortSignal): Promise<void>;
}

const UNLIMITED_CHUNK = 100;

/**
 * Reads `50/s` or `50`; `undefined` means as fast as it goes.
 * @throws UsageError
 */
export function createPace(rate: string | undefined): Pace {
  if (rate === undefined) return { chunkSize: UNLIMITED_CHUNK, wait: async () => {} };
  const perSecond = Number(/^([1-9]\d{0,6})(\/s)?$/.exec(rate)?.[1]);
  if (Number.isNaN(perSecond)) {
    throw new UsageError(`--rate: "${rate}" is no rate; records a second are expected, such as 50/s.`);
  }
  let due = 0;
  return {
    chunkSize: Math.min(UNLIMITED_CHUNK, Math.max(1, Math.floor(perSecond / 10))),
    async wait(count, signal) {
      const now = performance.now();
      if (due > now) await sleep(due - now, undefined, { signal });
      due = Math.max(due, now) + (count * 1_000) / perSecond;
    },
  };
}
