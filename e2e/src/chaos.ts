import { setTimeout as sleep } from 'node:timers/promises';
import type { Part } from '@orderflow/devstack';
import type { Service } from '@orderflow/local/system';
import { eventually } from '@orderflow/testing';
import { seededRandom } from '@orderflow/testing/seeded-random';

/** Giving the seed of a failed run repeats it. */
export const seed = Number(process.env['FAULT_SEED'] ?? Math.floor(Math.random() * 1e9));

/** A fault of a process, and its end. */
interface Fault {
  readonly name: 'killed' | 'frozen';
  /** Its shortest and longest duration, in ms. */
  readonly lasts: readonly [number, number];
  begin(): Promise<void>;
  end(): Promise<void>;
}

/** A process or store that is subjected to faults and recovers. */
interface Victim {
  readonly name: string;
  /** The shortest and longest time without a fault, in ms. */
  readonly lives: readonly [number, number];
  readonly faults: readonly Fault[];
  /** Waits for this long without a fault, or until the signal. */
  live(ms: number, over: AbortSignal): Promise<void>;
}

/** A store: it takes time to recover, and everything waits for it, so it is killed rarely. */
export function storeVictim(part: Part): Victim {
  return {
    name: part.name,
    lives: [6_000, 25_000],
    faults: [{ name: 'killed', lasts: [500, 3_000], begin: () => part.kill(), end: () => part.start() }],
    live: (ms, over) => sleep(ms, undefined, { signal: over }).catch(() => {}),
  };
}

/** A service: killed, or frozen for longer than its consumer group's session. */
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

/** Restarts a process that exits because its stores are unavailable, until the signal. */
export async function keepRunning(service: Service, until: AbortSignal): Promise<void> {
  while (!until.aborted) {
    if (!service.isRunning()) await comeBack(service);
    await sleep(100);
  }
}

/** Starts a service unless it runs, again if it exits, until it is ready. */
export async function comeBack(service: Service): Promise<void> {
  await eventually(
    async () => {
      if (!service.isRunning()) service.launch();
      await service.ready();
    },
    { timeoutMs: 120_000, intervalMs: 500 },
  );
}

/**
 * Subjects all victims to faults concurrently until the signal; at the end all run again. Every choice derives from the
 * seed. Returns the faults with their times; each victim had at least one.
 */
export async function torment(victims: readonly Victim[], over: AbortSignal): Promise<string[]> {
  const done = await Promise.all(victims.map((victim) => tormentOne(victim, over)));
  return done.flat();
}

async function tormentOne({ name, lives, faults, live }: Victim, over: AbortSignal): Promise<string[]> {
  const random = randomOf(name);
  const between = ([min, max]: readonly [number, number]) => min + random() * (max - min);
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

/** Each victim has its own generator, so that its faults depend only on the seed. */
function randomOf(name: string): () => number {
  return seededRandom([...name].reduce((sum, letter) => Math.imul(sum, 31) + letter.charCodeAt(0), seed));
}
