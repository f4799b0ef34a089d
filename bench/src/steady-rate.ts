import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Begins `count` actions at times that are set beforehand, `rate` a second, whatever the actions take: an open loop.
 * Resolves when all have ended, to how late each began, in milliseconds.
 */
export async function atSteadyRate(
  rate: number,
  count: number,
  begin: (index: number) => Promise<void>,
): Promise<number[]> {
  const started = performance.now();
  const late: number[] = [];
  const underWay: Promise<void>[] = [];
  for (let index = 0; index < count; index += 1) {
    const due = started + (index * 1000) / rate;
    const waitMs = due - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    late.push(Math.max(0, performance.now() - due));
    underWay.push(begin(index));
  }
  await Promise.all(underWay);
  return late;
}
