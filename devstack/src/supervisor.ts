/**
 * A detached process that starts a test stack, and kills and deletes it when its owner has ended or when it gets
 * SIGTERM. Argument: the folder of the stack, which contains the owner.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { readJson, writeJson } from './json-file.ts';
import { isRunning, killDescendants, processRef } from './process.ts';
import { createStack } from './stack.ts';
import {
  type Supervision,
  type SupervisorState,
  supervisionFile,
  supervisorStateFile,
  sweepAbandonedStacks,
} from './supervised.ts';

const WATCH_INTERVAL_MS = 100;
/** Checking with `ps` whether an id was reused is expensive, so it is done only once in this many checks. */
const LOOKS_PER_CHECK = 50;

const dir = process.argv[2] ?? '';
const supervision = readJson<Supervision>(supervisionFile(dir));
if (!supervision) throw new Error(`${supervisionFile(dir)} does not exist`);
const { owner, parts, shortLived } = supervision;
const supervisor = processRef(process.pid);
const report = (outcome?: Exclude<SupervisorState['outcome'], undefined>) =>
  writeJson(supervisorStateFile(dir), { supervisor, ...(outcome && { outcome }) } satisfies SupervisorState);

let asked = false;
for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  process.on(name, () => {
    asked = true;
  });
}

report();
const stack = await createStack({ dir, ports: 'free', shortLived, parts, onProgress: console.log });
let isStarting = true;
const starting = stack
  .up()
  .then(
    () => report('up'),
    (error: unknown) => report({ error: error instanceof Error ? error.message : String(error) }),
  )
  .finally(() => {
    isStarting = false;
  });
void starting.then(sweepAbandonedStacks).catch(console.error);

for (let round = 0; !asked && ownerIsThere(round); round += 1) await sleep(WATCH_INTERVAL_MS);
await stack.destroy();
if (isStarting) {
  // Files that a killed preparation (initdb, Maven) has written meanwhile.
  await killDescendants();
  await stack.destroy();
}
process.exit(0);

function ownerIsThere(round: number): boolean {
  if (round % LOOKS_PER_CHECK === 0) return isRunning(owner);
  try {
    return process.kill(owner.pid, 0);
  } catch {
    return false;
  }
}
