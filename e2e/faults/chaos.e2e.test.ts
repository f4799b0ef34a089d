import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, privateStack } from '@orderflow/testing';
import { seededRandom } from '@orderflow/testing/seeded-random';
import { expect, test } from 'vitest';
import { startRun } from '../src/grid.ts';
import { enrichmentPath, type Service } from '../src/system.ts';
import { decidedCount } from '../src/test-system.ts';

/** A failing run is repeated by giving its seed. */
const seed = Number(process.env['FAULT_SEED'] ?? Math.floor(Math.random() * 1e9));
const chaosMs = 40_000;
const orderCount = 2_000;
const batch = 50;

/** Something that is killed and comes back. */
interface Victim {
  readonly name: string;
  /** Between which times it lives and is dead, in ms. */
  readonly lives: readonly [number, number];
  readonly isDead: readonly [number, number];
  kill(): Promise<void>;
  start(): Promise<void>;
}

test('whatever is killed, whenever: 2,000 orders are decided, shown and told once each', async () => {
  console.log(`FAULT_SEED=${seed}`);
  await using own = await privateStack({ parts: ['kafka', 'mongo', 'postgres', 'redis'] });
  await using run = await startRun('faults-chaos', { ...own.urls });
  const orders = run.make('chaos', orderCount);
  run.sent.push(...orders);
  const parts = Object.values(own.parts).map(
    (part): Victim => ({
      name: part.name,
      lives: [6_000, 25_000],
      isDead: [500, 3_000],
      kill: () => part.kill(),
      start: () => part.start(),
    }),
  );
  const victims = [...parts, ...enrichmentPath.map((name) => victimOf(run.services[name]))];

  const over = AbortSignal.timeout(chaosMs);
  const chaos = Promise.all(victims.map((victim) => torment(victim, over)));
  for (let start = 0; start < orderCount; start += batch) {
    const some = orders.slice(start, start + batch);
    // Without an acknowledgement they are sent again: then some are there twice.
    await eventually(() => run.stores.send(some.map(({ record }) => record)), { timeoutMs: 60_000 });
    await sleep((chaosMs / orderCount) * batch, undefined, { signal: over }).catch(() => {});
  }
  const kills = await chaos;
  console.log(kills.flat().join(', '), `; decided meanwhile: ${await decidedCount(run.stores)}`);
  expect(kills.every((times) => times.length > 0)).toBe(true);

  // Here the healing ends: nobody does anything more.
  await Promise.all(enrichmentPath.map((name) => run.services[name].ready()));
  await run.settle();
});

function victimOf(service: Service): Victim {
  return {
    name: service.name,
    lives: [200, 12_000],
    isDead: [0, 2_000],
    kill: () => service.kill(),
    // A process that finds its stores away ends, and whoever runs it starts it again.
    start: () => eventually(() => service.start(), { timeoutMs: 60_000, intervalMs: 500 }),
  };
}

/** Kills and starts it until it is over; in the end it runs. Answers what was done when. */
async function torment({ name, lives, isDead, kill, start }: Victim, over: AbortSignal): Promise<string[]> {
  const random = randomOf(name);
  const between = ([least, most]: readonly [number, number]) => least + random() * (most - least);
  const began = Date.now();
  const kills: string[] = [];
  for (;;) {
    await sleep(between(lives), undefined, { signal: over }).catch(() => {});
    if (over.aborted && kills.length > 0) return kills;
    kills.push(`${name} ${((Date.now() - began) / 1000).toFixed(1)} s`);
    await kill();
    await sleep(between(isDead));
    await start();
  }
}

/** A generator of its own for each, so that what one does depends on nothing but the seed. */
function randomOf(name: string): () => number {
  return seededRandom([...name].reduce((sum, letter) => Math.imul(sum, 31) + letter.charCodeAt(0), seed));
}
