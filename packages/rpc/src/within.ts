import { setTimeout as delay } from 'node:timers/promises';

/** Waits for the work, for so many milliseconds at most. Returns whether it was in time. */
export async function within(ms: number, work: Promise<void>): Promise<boolean> {
  const over = new AbortController();
  const late = delay(ms, false, { signal: over.signal }).catch(() => false);
  const inTime = await Promise.race([work.then(() => true), late]);
  over.abort();
  return inTime;
}
