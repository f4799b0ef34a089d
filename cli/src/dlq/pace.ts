import { setTimeout as sleep } from 'node:timers/promises';
import { UsageError } from '../cli.ts';

/** Limits a rate by delaying the caller between sends. */
export interface Pace {
  /** The number of records to send at once. */
  readonly chunkSize: number;
  /** Resolves when `count` more may be sent; rejects when the signal aborts. Does not catch up in bursts. */
  wait(count: number, signal: AbortSignal): Promise<void>;
}

const UNLIMITED_CHUNK = 100;

/**
 * Parses `50/s` or `50`; `undefined` means unlimited.
 * @throws UsageError
 */
export function createPace(rate: string | undefined): Pace {
  if (rate === undefined) return { chunkSize: UNLIMITED_CHUNK, wait: async () => {} };
  const perSecond = Number(/^([1-9]\d{0,6})(\/s)?$/.exec(rate)?.[1]);
  if (Number.isNaN(perSecond)) {
    throw new UsageError(`--rate: "${rate}" is not a rate; records per second are expected, such as 50/s.`);
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
