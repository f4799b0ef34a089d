import type { TestProcess } from '@orderflow/testing/process';
import { cpuSeconds } from './processes.ts';
import { resultOf, startProgram } from './program.ts';
import { type Figure, median } from './report.ts';

/** In each round, of each kind. */
const calls = 5_000;
/** `none`: of a server that requires no tokens. */
const kinds = ['none', 'known', 'new'] as const;
type Kind = (typeof kinds)[number];

/**
 * Measures the CPU that a token adds to a unary gRPC call whose handler does nothing: one that was verified in the last
 * minute, and one that is new; in pairs with a server that requires none.
 */
export async function measureAccess(
  running: TestProcess[],
  rounds: number,
  say: (text: string) => void,
): Promise<Figure[]> {
  const open = startProgram({ running }, 'empty-api');
  const closed = startProgram({ running }, 'empty-api', 'tokens');
  const urlOf = async (api: TestProcess) =>
    `http://127.0.0.1:${(await api.waitForLine(/^port \d+$/)).split(' ')[1]}`;
  const key = (await closed.waitForLine(/^key /)).slice('key '.length);

  /** Microseconds for a call. */
  async function cpuOf(kind: Kind): Promise<number> {
    const api = kind === 'none' ? open : closed;
    const before = cpuSeconds(api.pid);
    const tokens = kind === 'none' ? [] : [kind, key];
    await resultOf(startProgram({ running }, 'token-load', await urlOf(api), String(calls), ...tokens));
    return ((cpuSeconds(api.pid) - before) / calls) * 1e6;
  }

  const measured = new Map<Kind, number[]>(kinds.map((kind) => [kind, []]));
  for (let round = 0; round <= rounds; round += 1) {
    say(round === 0 ? 'access: warming up' : `access: round ${round} of ${rounds}`);
    for (const kind of round % 2 === 0 ? kinds : kinds.toReversed()) {
      const cpu = await cpuOf(kind);
      if (round > 0) measured.get(kind)?.push(cpu);
    }
  }
  await Promise.all([open.kill(), closed.kill()]);
  const without = measured.get('none') ?? [];
  return kinds
    .filter((kind) => kind !== 'none')
    .map((kind) => ({
      name: `token, ${kind}: above a call without`,
      value: median((measured.get(kind) ?? []).map((cpu, round) => cpu - (without[round] ?? Number.NaN))),
      unit: 'µs/call',
    }));
}
