import { writeSync } from 'node:fs';

const STDERR = 2;

// Read once: outside of tests a crash point is one comparison.
const target = process.env.ORDERFLOW_TEST === '1' ? parse(process.env.CRASH_AT) : undefined;
let passed = 0;

function parse(value: string | undefined): { name: string; at: number } | undefined {
  if (!value) return undefined;
  const [, name, at] = /^(.+)#([1-9]\d*)$/.exec(value) ?? [];
  if (name === undefined)
    throw new Error(`CRASH_AT: got "${value}", expected name#n, such as after-decision#2`);
  return { name, at: Number(at) };
}

/**
 * Marks a point at which tests kill the process. With `ORDERFLOW_TEST=1` and `CRASH_AT=name#n`, the process gets
 * SIGKILL the n-th time this name is passed, and nothing after this call runs. Otherwise does nothing.
 */
export function crashPoint(name: string): void {
  if (target === undefined || target.name !== name) return;
  passed += 1;
  if (passed !== target.at) return;
  writeSync(STDERR, `crash point ${name}#${passed} reached, killing this process\n`);
  process.kill(process.pid, 'SIGKILL');
  // The signal may arrive a moment later; until then this thread must not continue.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}
