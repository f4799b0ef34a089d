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
  const limited = startProgram({ running }, 'empty-api', 'limits');
  const limitedKey = (await limited.waitForLine(/^key /)).slice('key '.length);
  const flood = await measureFlood(running, await urlOf(limited), limitedKey, rounds, say);
  await limited.kill();
  await Promise.all([open.kill(), closed.kill()]);
  const without = measured.get('none') ?? [];
  const costs = kinds
    .filter((kind) => kind !== 'none')
    .map((kind) => ({
      name: `token, ${kind}: above a call without`,
      value: median((measured.get(kind) ?? []).map((cpu, round) => cpu - (without[round] ?? Number.NaN))),
      unit: 'µs/call',
    }));
  return [...costs, ...flood];
}

interface Paced {
  readonly p99: number;
  readonly ok: number;
  readonly refused: number;
}

/** The calls of one who keeps to its limit, alone and while another makes ten times as many as it may. */
async function measureFlood(
  running: TestProcess[],
  url: string,
  key: string,
  rounds: number,
  say: (text: string) => void,
): Promise<Figure[]> {
  const paced = async (customer: string, rate: number, seconds: number) =>
    (await resultOf(
      startProgram({ running }, 'paced-load', url, key, customer, String(rate), String(seconds)),
    )) as Paced;
  const ratios: number[] = [];
  let refused = 0;
  for (let round = 1; round <= Math.ceil(rounds / 3); round += 1) {
    say(`flood: round ${round} of ${Math.ceil(rounds / 3)}`);
    const alone = await paced('careful', 40, 8);
    // The flood begins before, and ends after.
    const flood = paced('flood', 500, 12);
    const beside = await paced('careful', 40, 8);
    refused = (await flood).refused;
    if (beside.refused > 0) throw new Error('calls of the careful caller were refused');
    ratios.push(beside.p99 / alone.p99);
  }
  return [
    { name: 'flood: calls refused of 500 a second', value: refused / 12, unit: 'calls/s' },
    { name: "flood: another caller's p99 / alone", value: median(ratios), unit: '×' },
  ];
}
