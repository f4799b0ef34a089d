import type { ChainRun } from './chain.ts';
import type { CriticalPath } from './critical-path.ts';
import { type Figure, median } from './report.ts';
import { type BacklogRun, type State, type SteadyRun, states } from './saga-loads.ts';
import type { StoredBytes } from './stored-bytes.ts';
import { counted, elsewhereOf, reported, type Usage } from './usage.ts';

/** What was measured at one rate; a run per round. */
export interface RateRuns {
  readonly system: readonly SteadyRun[];
  readonly hops: readonly ChainRun[];
  readonly floor: readonly ChainRun[];
}

/** The memory of several processes together, in MiB. */
export interface Memory {
  readonly resident: number;
  /** A page that several processes share counts once. */
  readonly sharedOnce: number;
}

/** Everything that was measured. */
export interface SagaRuns {
  readonly slow: RateRuns;
  readonly fast: RateRuns;
  readonly backlog: readonly BacklogRun[];
  /** The bare hops at the fast rate, with the system stopped. */
  readonly alone: ChainRun;
  readonly idle: Usage;
  /** The memory of all our processes together after each backlog. */
  readonly memory: readonly Memory[];
  /** What an order of each backlog has left in the stores, in bytes. */
  readonly stored: readonly StoredBytes[];
  readonly path: CriticalPath;
}

/** The figures of all loads. Those of the fast rate have no prefix. */
export function sagaFigures({ slow, fast, backlog, alone, idle, memory, stored, path }: SagaRuns): Figure[] {
  const idleSeconds = idle.get('seconds') ?? Number.NaN;
  const idleRate = (name: string) => (idle.get(name) ?? 0) / idleSeconds;
  const idleKafka = [...idle.keys()].filter((name) => name.startsWith('Kafka requests'));
  return [
    ...latencyFigures('', fast),
    { name: '4 bare hops, the system stopped: p50', value: alone.p50Ms, unit: 'ms' },
    {
      name: 'created → CONFIRMED / bare hops, p50',
      value: latencyOf(fast, 'CONFIRMED', 'p50') / median(fast.hops.map(({ p50Ms }) => p50Ms)),
      unit: '×',
    },
    {
      name: 'sender late: p99',
      value: Math.max(...[fast, slow].flatMap(lateness)),
      unit: 'ms',
    },
    ...usageFigures('', fast.system),

    ...latencyFigures('2/s: ', slow),
    ...usageFigures('2/s: ', slow.system),
    ...pathFigures(path, backlog),

    {
      name: 'saturation: rate',
      value: median(backlog.map(({ orders, seconds }) => orders / seconds)),
      unit: 'orders/s',
    },
    ...usageFigures('saturation: ', backlog),

    {
      name: 'CPU of all our processes, idle',
      value: idleRate('CPU of all our processes') * 100,
      unit: '% of a core',
    },
    ...[
      'SQL round trips of all our processes',
      'voluntary context switches of all our processes',
      'voluntary context switches of all stores',
    ].map((name): Figure => ({ name: `${name}, idle`, value: idleRate(name), unit: 'a second' })),
    {
      name: 'Kafka requests, idle',
      value: idleKafka.reduce((sum, name) => sum + idleRate(name), 0),
      unit: 'a second',
    },
    {
      name: 'memory of all our processes',
      value: Math.max(...memory.map(({ resident }) => resident)),
      unit: 'MiB',
    },
    {
      name: 'memory of all our processes, shared pages counted once',
      value: Math.max(...memory.map(({ sharedOnce }) => sharedOnce)),
      unit: 'MiB',
    },
    ...(Object.entries(storeNames) as [keyof StoredBytes, string][]).map(
      ([store, name]): Figure => ({
        name,
        value: median(stored.map((bytes) => bytes[store])),
        unit: 'bytes an order',
      }),
    ),
  ];
}

/** An order that comes over Kafka makes its calls one after the other: each is on its critical path. */
function pathFigures({ sql, kafka }: CriticalPath, backlog: readonly BacklogRun[]): Figure[] {
  const calls = median(backlog.map(({ orders, used }) => (used.get('RPCs') ?? 0) / orders));
  const roundTrips = (name: string, value: number): Figure => ({ name, value, unit: '' });
  return [
    roundTrips('round trips on the critical path', sql + kafka + calls),
    roundTrips('round trips on the critical path: to Postgres', sql),
    roundTrips('round trips on the critical path: to Kafka', kafka),
  ];
}

const storeNames: Readonly<Record<keyof StoredBytes, string>> = {
  postgres: 'stored in Postgres',
  kafka: 'stored in Kafka',
  mongo: 'documents in MongoDB',
};

const lateness = ({ system, hops, floor }: RateRuns) =>
  [...system, ...hops, ...floor].map(({ lateP99Ms }) => lateP99Ms);

function latencyOf({ system }: RateRuns, state: State, share: 'p50' | 'p99'): number {
  return median(system.map((run) => run.latencies[state][share]));
}

function latencyFigures(prefix: string, runs: RateRuns): Figure[] {
  const chain = (name: 'hops' | 'floor', figure: keyof ChainRun) =>
    median(runs[name].map((run) => run[figure]));
  const ms = (name: string, value: number): Figure => ({ name: prefix + name, value, unit: 'ms' });
  const againstFloor = (share: 'p50' | 'p99'): Figure => ({
    name: `${prefix}created → CONFIRMED / saga floor, ${share}`,
    value: latencyOf(runs, 'CONFIRMED', share) / chain('floor', `${share}Ms`),
    unit: '×',
  });
  return [
    ms('4 bare hops: p50', chain('hops', 'p50Ms')),
    ms('4 bare hops: p99', chain('hops', 'p99Ms')),
    ms('saga floor: p50', chain('floor', 'p50Ms')),
    ms('saga floor: p99', chain('floor', 'p99Ms')),
    {
      name: `${prefix}saga floor: SQL round trips`,
      value: chain('floor', 'sqlRoundTrips'),
      unit: 'an order',
    },
    ...states.flatMap((state): Figure[] => [
      ms(`created → ${state}: p50`, latencyOf(runs, state, 'p50')),
      ms(`created → ${state}: p99`, latencyOf(runs, state, 'p99')),
    ]),
    againstFloor('p50'),
    againstFloor('p99'),
  ];
}

function usageFigures(
  prefix: string,
  runs: readonly { readonly orders: number; readonly used: Usage }[],
): Figure[] {
  const perOrder = (name: string) => median(runs.map(({ orders, used }) => (used.get(name) ?? 0) / orders));
  return [
    ...reported.map(
      (name): Figure => ({
        name: `${prefix}CPU of ${name}`,
        value: perOrder(`CPU of ${name}`) * 1_000,
        unit: 'CPU s/1000 orders',
      }),
    ),
    // The sender uses a few percent. More means that other processes were active on this machine.
    {
      name: `${prefix}CPU of everything else meanwhile`,
      value: median(runs.map(({ used }) => elsewhereOf(used))) * 100,
      unit: '% of a core',
    },
    ...counted.map((name): Figure => ({ name: prefix + name, value: perOrder(name), unit: 'an order' })),
  ];
}
