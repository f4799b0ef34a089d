import { setTimeout as sleep } from 'node:timers/promises';
import { enrichmentPath } from '@orderflow/local/system';
import { eventually, privateStack } from '@orderflow/testing';
import { expect, test } from 'vitest';
import { comeBack, keepRunning, seed, serviceVictim, storeVictim, torment } from '../src/chaos.ts';
import { startRun } from '../src/grid.ts';
import { hastyTimes, prepareMixes, runMix } from '../src/mix.ts';
import { decidedCount } from '../src/test-system.ts';
import { startWhole } from '../src/whole.ts';

const chaosMs = 40_000;
const allParts = ['kafka', 'mongo', 'postgres', 'redis'] as const;

test('whatever is killed, whenever: 2,000 orders are decided, shown and published once each', async () => {
  const orderCount = 2_000;
  const batch = 50;
  console.log(`FAULT_SEED=${seed}`);
  await using own = await privateStack({ parts: [...allParts] });
  await using run = await startRun('faults-chaos', { ...own.urls });
  const orders = run.make('chaos', orderCount);
  run.sent.push(...orders);
  const services = enrichmentPath.map((name) => run.services[name]);
  const victims = [
    ...Object.values(own.parts).map(storeVictim),
    ...services.map((service) => serviceVictim(service)),
  ];

  const over = AbortSignal.timeout(chaosMs);
  const chaos = torment(victims, over);
  // Thrown below, when all are sent.
  chaos.catch(() => {});
  for (let start = 0; start < orderCount; start += batch) {
    const some = orders.slice(start, start + batch);
    // Without an acknowledgement they are sent again: then some are there twice.
    await eventually(() => run.stores.send(some.map(({ record }) => record)), { timeoutMs: 60_000 });
    await sleep((chaosMs / orderCount) * batch, undefined, { signal: over }).catch(() => {});
  }
  console.log((await chaos).join(', '), `; decided meanwhile: ${await decidedCount(run.stores)}`);

  // The healing ends here: no fault follows.
  await Promise.all(services.map(comeBack));
  await run.settle();
});

test('whatever is killed or frozen, whenever: orders come to their ends, stock and money add up', async () => {
  console.log(`FAULT_SEED=${seed}`);
  await using own = await privateStack({ parts: [...allParts] });
  await using whole = await startWhole('whole-chaos', { ...own.urls, ...hastyTimes });
  const services = Object.values(whole.services);
  const victims = [
    ...Object.values(own.parts).map(storeVictim),
    // There are nine: were each started as often as above, starting would be all that the machine does.
    ...services.map((service) => serviceVictim(service, { lives: [500, 25_000], freezes: true })),
  ];
  const mixes = Array.from({ length: 12 }, (_, index) => `chaos-${index}`);
  await prepareMixes(whole, mixes);

  const chaos = torment(victims, AbortSignal.timeout(chaosMs)).then((done) => console.log(done.join(', ')));
  const work = mixes.map(async (name, index) => {
    await sleep((chaosMs / mixes.length) * index);
    await runMix(whole, name);
  });
  const healed = new AbortController();
  const healing = chaos.then(() =>
    Promise.all(services.map((service) => keepRunning(service, healed.signal))),
  );
  healing.catch(() => {});
  try {
    await Promise.all([chaos, ...work]);
    await whole.expectSound();
  } catch (error) {
    const words = await whole.lastWords();
    healed.abort();
    await healing.catch(() => {});
    expect.fail(`${String(error)}\n${words}`);
  }
  healed.abort();
  await healing;
});
