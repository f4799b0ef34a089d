import { surviveTable } from '../page/survive-table.ts';
import { type Figure, writeResults } from '../report.ts';
import { readResults } from '../results.ts';
import type { Damage } from './audit.ts';

/** What one contender has done in one trouble. */
export interface Row extends Readonly<Record<keyof Damage, number>> {
  readonly trouble: string;
  readonly contender: string;
  /** From the end of the trouble until everything was processed; undefined: it never was. */
  readonly recoveredSeconds: number | undefined;
  /** Of all processes, stores included. */
  readonly recordsPerCpuSecond: number;
}

const kinds = ['lost', 'doubled', 'wrong', 'untraced'] as const satisfies readonly (keyof Damage)[];
/** The contender that must not do any damage. */
const ours = 'order worker';

/**
 * Writes the rows to bench/results/survive.json and docs/performance.md, and prints them. Returns whether all targets
 * are met. `records`: how many each contender got. `elsewhere`: of a core, on average: what other programs of this
 * machine used meanwhile.
 */
export function reportRows(
  rows: readonly Row[],
  { records, elsewhere }: { readonly records: number; readonly elsewhere: number },
): boolean {
  const total = { name: 'records per consumer', value: records, unit: 'records' };
  const others = { name: 'CPU of everything else meanwhile', value: elsewhere * 100, unit: '% of a core' };
  const met = writeResults('survive', [total, others, ...rows.flatMap(figuresOf)]);
  console.log(`${surviveTable(readResults())}\n`);
  return met;
}

function figuresOf(row: Row): Figure[] {
  const name = `${row.trouble}: ${row.contender}`;
  return [
    ...kinds.map((kind) => ({
      name: `${name}: ${kind}`,
      value: row[kind],
      unit: 'orders',
      ...(row.contender === ours && { target: '<= 0' }),
    })),
    { name: `${name}: recovered after`, value: row.recoveredSeconds ?? Number.POSITIVE_INFINITY, unit: 's' },
    {
      name: `${name}: per CPU second of all processes`,
      value: row.recordsPerCpuSecond,
      unit: 'records/CPU s',
    },
  ];
}
