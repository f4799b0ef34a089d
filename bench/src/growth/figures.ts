import { type Figure, median } from '../report.ts';
import type { BacklogRun } from '../saga-loads.ts';
import { elsewhereOf } from '../usage.ts';
import { compareStatements, growthOf } from './compare.ts';
import type { StatementUse } from './statements.ts';

/** What was measured while a number of orders was stored. */
export interface Size {
  readonly count: number;
  readonly rounds: Round[];
}

/** Some orders as a backlog, and then the calls of callers and people. */
interface Round {
  readonly backlog: BacklogRun;
  readonly ofBacklog: readonly StatementUse[];
  readonly ofCalls: readonly StatementUse[];
}

const cpuNames = ['all our processes', 'all stores', 'postgres', 'mongo', 'a whole order'];
/** The statements that are named: those that have grown most. */
const named = 5;

/** The figures of each number of stored orders, and how the largest compares with the smallest. */
export function growthFigures(sizes: readonly Size[]): Figure[] {
  const [smallest, largest] = [sizes[0], sizes.at(-1)];
  if (smallest === undefined || largest === undefined) throw new Error('nothing was measured');
  const against = `${textOf(largest.count)} stored / ${textOf(smallest.count)}`;
  const ratio = (name: string, of: (size: Size) => number, target: string): Figure => ({
    name: `${against}: ${name}`,
    value: of(largest) / of(smallest),
    unit: '×',
    target,
  });
  const compared = (kind: 'ofBacklog' | 'ofCalls') => {
    const rounds = ({ rounds: all }: Size) => all.map((round) => round[kind]);
    return compareStatements(rounds(smallest), rounds(largest));
  };
  const all = [...compared('ofBacklog'), ...compared('ofCalls')].sort((a, b) => growthOf(b) - growthOf(a));
  return [
    ...sizes.flatMap(figuresOf),
    ratio('CPU of a whole order', cpuOf('a whole order'), '<= 1.25'),
    ratio('pages read by all statements of an order', pagesOf('ofBacklog'), '<= 1.5'),
    ratio('pages read by all statements of the calls', pagesOf('ofCalls'), '<= 1.5'),
    {
      name: `${against}: pages of the statement that has grown most, beyond deeper indexes`,
      value: all[0] === undefined ? 0 : growthOf(all[0]),
      unit: '×',
      target: '<= 2',
    },
    ...all.slice(0, named).flatMap(({ database, text, before, after }, index): Figure[] => {
      const name = `grown most, ${index + 1}: ${database}: ${shortened(text)}`;
      return [
        { name: `${name}, ${textOf(smallest.count)} stored`, value: before, unit: 'pages a row' },
        { name: `${name}, ${textOf(largest.count)} stored`, value: after, unit: 'pages a row' },
      ];
    }),
  ];
}

function figuresOf(size: Size): Figure[] {
  const stored = `${textOf(size.count)} stored`;
  const { rounds } = size;
  return [
    ...cpuNames.map(
      (name): Figure => ({
        name: `${stored}: CPU of ${name}`,
        value: cpuOf(name)(size),
        unit: 'CPU s/1000 orders',
      }),
    ),
    {
      name: `${stored}: CPU of everything else meanwhile`,
      value: median(rounds.map(({ backlog }) => elsewhereOf(backlog.used))) * 100,
      unit: '% of a core',
    },
    {
      name: `${stored}: pages read by all statements of an order`,
      value: pagesOf('ofBacklog')(size),
      unit: 'pages',
    },
    {
      name: `${stored}: pages read by all statements of the calls`,
      value: pagesOf('ofCalls')(size),
      unit: 'pages',
    },
  ];
}

const cpuOf =
  (name: string) =>
  ({ rounds }: Size): number =>
    median(rounds.map(({ backlog: { used, orders } }) => (used.get(`CPU of ${name}`) ?? 0) / orders)) * 1_000;

/** Of the backlog for each order, of the calls of a round together. */
const pagesOf =
  (kind: 'ofBacklog' | 'ofCalls') =>
  ({ rounds }: Size): number =>
    median(
      rounds.map((round) => {
        const pages = round[kind].reduce((sum, { buffers }) => sum + buffers, 0);
        return kind === 'ofBacklog' ? pages / round.backlog.orders : pages;
      }),
    );

/** The beginning and the end of a statement: many begin alike. */
function shortened(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length <= 90 ? line : `${line.slice(0, 50)} … ${line.slice(-37)}`;
}

function textOf(count: number): string {
  return count.toLocaleString('en');
}
