import { type Figure, percentile } from '../report.ts';
import type { MemorySample, Observed } from './observed.ts';
import { overtakings } from './order-of-ends.ts';

/** What became of the calls, of the orders and of the memory. */
export function overloadFigures(observed: Observed): Figure[] {
  const { saturation, rate, load } = observed;
  return [
    { name: 'rate that saturates', value: saturation, unit: 'orders/s' },
    { name: 'rate of the load', value: rate, unit: 'orders/s' },
    { name: 'sender late: p99', value: load.lateP99Ms, unit: 'ms' },
    ...callFigures(observed),
    ...orderFigures(observed),
    ...memoryFigures(observed),
  ];
}

function callFigures({ load: { outcomes, p50Ms, p99Ms, refusedP99Ms } }: Observed): Figure[] {
  const { OK = 0, OVERLOADED = 0, ...others } = outcomes;
  const otherErrors = Object.values(others).reduce((sum, count) => sum + count, 0);
  const calls = OK + OVERLOADED + otherErrors;
  return [
    { name: 'calls that succeeded', value: OK, unit: 'calls' },
    { name: 'calls refused as OVERLOADED', value: OVERLOADED, unit: 'calls' },
    { name: 'calls that succeeded, of all', value: (OK / calls) * 100, unit: '%' },
    { name: 'calls refused as OVERLOADED, of all', value: (OVERLOADED / calls) * 100, unit: '%' },
    ...Object.entries(others).map(
      ([reason, value]): Figure => ({ name: `calls that ended with ${reason}`, value, unit: 'calls' }),
    ),
    { name: 'calls that ended with any other error', value: otherErrors, unit: 'calls', target: '<= 0' },
    { name: 'calls that succeeded: p50', value: p50Ms, unit: 'ms' },
    { name: 'calls that succeeded: p99', value: p99Ms, unit: 'ms' },
    // None were.
    { name: 'calls refused as OVERLOADED: p99', value: refusedP99Ms ?? 0, unit: 'ms' },
  ];
}

function orderFigures({ load, waiting, loadEndedAt, orders, isConsistent }: Observed): Figure[] {
  const stored = new Set(orders.map(({ id }) => id));
  const lost = load.accepted.filter((id) => !stored.has(id)).length;
  const failed = orders.filter(({ state }) => state !== 'COMPLETED').length;
  const lastEnd = orders.reduce((latest, { ended }) => Math.max(latest, ended), loadEndedAt);
  const overtaken = overtakings(orders).map((count) => (count / orders.length) * 100);
  return [
    { name: 'accepted orders that are not stored', value: lost, unit: 'orders', target: '<= 0' },
    { name: 'stored orders that are not COMPLETED', value: failed, unit: 'orders', target: '<= 0' },
    { name: 'stores disagree', value: isConsistent ? 0 : 1, unit: '0: no, 1: yes', target: '<= 0' },
    { name: 'orders in progress when the load ends', value: waiting, unit: 'orders' },
    { name: 'all COMPLETED after', value: (lastEnd - loadEndedAt) / 1_000, unit: 's', target: '<= 60' },
    { name: 'an order is overtaken by: p99', value: percentile(overtaken, 0.99), unit: '% of all' },
    {
      name: 'an order is overtaken by: most',
      value: percentile(overtaken, 1),
      unit: '% of all',
      target: '<= 10',
    },
  ];
}

function memoryFigures({ samples, loadEndedAt }: Observed): Figure[] {
  const names = [...(samples[0]?.mib.keys() ?? [])];
  const mostOf = (name: string) => Math.max(...samples.map(({ mib }) => mib.get(name) ?? 0));
  const began = samples[0]?.at ?? Number.NaN;
  const third = (loadEndedAt - began) / 3;
  const mostBetween = (from: number, to: number) =>
    Math.max(...samples.filter(({ at }) => at >= from && at <= to).map(sumOf));
  return [
    ...names.map((name): Figure => ({ name: `memory of ${name}, most`, value: mostOf(name), unit: 'MiB' })),
    {
      name: 'memory of the largest process',
      value: Math.max(...names.map(mostOf)),
      unit: 'MiB',
      target: '<= 400',
    },
    { name: 'memory of all our processes, most', value: Math.max(...samples.map(sumOf)), unit: 'MiB' },
    {
      name: 'memory of all our processes: last third of the load / first third',
      value: mostBetween(loadEndedAt - third, loadEndedAt) / mostBetween(began, began + third),
      unit: '×',
      target: '<= 1.25',
    },
  ];
}

function sumOf({ mib }: MemorySample): number {
  return [...mib.values()].reduce((sum, each) => sum + each, 0);
}
