import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Starts `count` actions at predetermined times, `rate` per second, however long the actions take: an open loop.
 * Resolves when all have ended, to the delay of each start, in milliseconds.
 */
export async function atSteadyRate(
  rate: number,
  count: number,
  begin: (index: number) => Promise<void>,
): Promise<number[]> {
  const started = performance.now();
  const late: number[] = [];
  const inFlight: Promise<void>[] = [];
  for (let index = 0; index < count; index += 1) {
    const due = started + (index * 1000) / rate;
    const waitMs = due - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    late.push(Math.max(0, performance.now() - due));
    inFlight.push(begin(index));
  }
  await Promise.all(inFlight);
  return late;
}
