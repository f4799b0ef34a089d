import { expect } from 'vitest';
import { hastyTimes, prepareMixes, runMix } from './mix.ts';
import type { ServiceName } from './system.ts';
import { startWhole, type Whole } from './whole.ts';

/** The points of every consumer: between a fetch, its handling and its commit. */
export const consumerPoints = ['consumer-after-fetch', 'consumer-before-commit'] as const;

/** A whole system for {@link killTwiceAt}. */
export function startForKilling(name: string): Promise<Whole> {
  // So short that orders are asked for again while the gateway takes its time, and none ends by it.
  return startWhole(name, { ...hastyTimes, ORDER_DEADLINE: '90s', SETTLE_DEADLINE: '4s' });
}

/**
 * Kills a service at a point between two durable steps while orders of every kind are under way, and again when it
 * recovers; then stock and money must add up. `away`: a service that does not answer until then, for a point that is
 * passed only so.
 */
export async function killTwiceAt(
  whole: Whole,
  name: ServiceName,
  point: string,
  away: ServiceName = name,
): Promise<void> {
  const service = whole.services[name];
  const mixes = [`${name}-${point}-1`, `${name}-${point}-2`] as const;
  await prepareMixes(whole, mixes);
  const stopped = [...new Set([service, whole.services[away]])];
  await Promise.all(stopped.map((each) => each.stop()));
  const crash = { ORDERFLOW_TEST: '1', CRASH_AT: `${point}#1` };
  const killed = { code: null, signal: 'SIGKILL' };

  const first = service.launch(crash);
  const work = [runMix(whole, mixes[0])];
  expect(await first.exited).toEqual(killed);
  const second = service.launch(crash);
  // More work, so that the point is passed again.
  work.push(runMix(whole, mixes[1]));
  expect(await second.exited).toEqual(killed);
  await Promise.all(stopped.map((each) => each.start()));
  await Promise.all(work);
  await whole.expectSound();
}
