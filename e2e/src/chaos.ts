import { setTimeout as sleep } from 'node:timers/promises';
import type { Part } from '@orderflow/devstack';
import { eventually } from '@orderflow/testing';
import { seededRandom } from '@orderflow/testing/seeded-random';
import type { Service } from './system.ts';

/** A failing run is repeated by giving its seed. */
export const seed = Number(process.env['FAULT_SEED'] ?? Math.floor(Math.random() * 1e9));

/** Something bad that happens to a process, and its end. */
interface Fault {
  readonly name: 'killed' | 'frozen';
  /** Between which times it lasts, in ms. */
  readonly lasts: readonly [number, number];
  begin(): Promise<void>;
  end(): Promise<void>;
}

/** Something that is tormented and comes back. */
interface Victim {
  readonly name: string;
  /** Between which times it is left alone, in ms. */
  readonly lives: readonly [number, number];
  readonly faults: readonly Fault[];
  /** Leaves it alone for so long, or until the signal. */
  live(ms: number, over: AbortSignal): Promise<void>;
}

/** Stores take their time to come back, and everything waits for them: they are killed seldom. */
export function storeVictim(part: Part): Victim {
  return {
    name: part.name,
    lives: [6_000, 25_000],
    faults: [{ name: 'killed', lasts: [500, 3_000], begin: () => part.kill(), end: () => part.start() }],
    live: (ms, over) => sleep(ms, undefined, { signal: over }).catch(() => {}),
  };
}

/** A service is killed, or frozen for longer than its place in a consumer group lasts. */
export function serviceVictim(
  service: Service,
  { lives = [200, 12_000], freezes = false }: { lives?: readonly [number, number]; freezes?: boolean } = {},
): Victim {
  const killed: Fault = {
    name: 'killed',
    lasts: [0, 2_000],
    begin: () => service.kill(),
    end: () => comeBack(service),
  };
  const frozen: Fault = {
    name: 'frozen',
    lasts: [500, 5_000],
    begin: async () => service.freeze(),
    end: async () => service.thaw(),
  };
  return {
    name: service.name,
    lives,
    faults: freezes ? [killed, frozen] : [killed],
    live: (ms, over) => keepRunning(service, AbortSignal.any([over, AbortSignal.timeout(Math.ceil(ms))])),
  };
}

/** A process that finds its stores away for too long ends, and whoever runs it starts it again, until the signal. */
export async function keepRunning(service: Service, until: AbortSignal): Promise<void> {
  while (!until.aborted) {
    if (!service.isRunning()) await comeBack(service);
    await sleep(100);
  }
}

/** Starts a service unless it runs, again if it ends, until it is ready. */
export async function comeBack(service: Service): Promise<void> {
  await eventually(
    async () => {
      if (!service.isRunning()) service.launch();
      await service.ready();
    },
    { timeoutMs: 60_000, intervalMs: 500 },
  );
}

/**
 * Torments all of them at once until it is over; in the end all have been made to run again. Every choice comes from
 * the seed. Answers what was done when; each was tormented at least once.
 */
export async function torment(victims: readonly Victim[], over: AbortSignal): Promise<string[]> {
  const done = await Promise.all(victims.map((victim) => tormentOne(victim, over)));
  return done.flat();
}

async function tormentOne({ name, lives, faults, live }: Victim, over: AbortSignal): Promise<string[]> {
  const random = randomOf(name);
  const between = ([least, most]: readonly [number, number]) => least + random() * (most - least);
  const began = Date.now();
  const done: string[] = [];
  for (;;) {
    await live(between(lives), over);
    if (over.aborted && done.length > 0) return done;
    const fault = faults[Math.floor(random() * faults.length)];
    if (fault === undefined) return done;
    done.push(`${name} ${fault.name} ${((Date.now() - began) / 1000).toFixed(1)} s`);
    await fault.begin();
    await sleep(between(fault.lasts));
    await fault.end();
  }
}

/** A generator of its own for each, so that what one does depends on nothing but the seed. */
function randomOf(name: string): () => number {
  return seededRandom([...name].reduce((sum, letter) => Math.imul(sum, 31) + letter.charCodeAt(0), seed));
}
