import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '@orderflow/devstack';
import { type Figure, writeResults } from '../report.ts';
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
const page = 'docs/performance.md';
const beginMark = '<!-- begin of survive: `pnpm bench survive` writes this table -->';
const endMark = '<!-- end of survive -->';

/**
 * Prints the rows, writes them into docs/performance.md and to bench/results/survive.json. Returns whether all targets
 * are met. `records`: how many each contender got. `elsewhere`: of a core, on average: what other programs of this
 * machine used meanwhile.
 */
export function reportRows(
  rows: readonly Row[],
  { records, elsewhere }: { readonly records: number; readonly elsewhere: number },
): boolean {
  const busy = `Other programs of the machine used ${(elsewhere * 100).toFixed(0)} % of a core meanwhile.`;
  const table = `Each consumer got the same ${inThousands(records)} records. ${busy}\n\n${tableOf(rows)}`;
  console.log(`\n${table}\n`);
  const file = join(repositoryRoot, page);
  writeFileSync(file, withTable(readFileSync(file, 'utf8'), table));
  console.log(`  written to ${page}`);
  const total = { name: 'records per consumer', value: records, unit: 'records' };
  const others = { name: 'CPU of everything else meanwhile', value: elsewhere * 100, unit: '% of a core' };
  return writeResults('survive', [total, others, ...rows.flatMap(figuresOf)]);
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

function tableOf(rows: readonly Row[]): string {
  const heads = ['trouble', 'consumer', ...kinds, 'seconds until lag 0', 'records per CPU second'];
  const cells = rows.map((row) => [
    row.trouble,
    row.contender,
    ...kinds.map((kind) => inThousands(row[kind])),
    row.recoveredSeconds?.toFixed(1) ?? 'never',
    inThousands(Math.round(row.recordsPerCpuSecond)),
  ]);
  return [heads, heads.map(() => '---'), ...cells].map((line) => `| ${line.join(' | ')} |`).join('\n');
}

function inThousands(value: number): string {
  return value.toLocaleString('en-US');
}

/** Replaces the table between the marks of a page. */
function withTable(text: string, table: string): string {
  const begin = text.indexOf(beginMark);
  const end = text.indexOf(endMark);
  if (begin < 0 || end < begin) throw new Error(`${page} lacks the line ${beginMark} or ${endMark}`);
  return `${text.slice(0, begin)}${beginMark}\n\n${table}\n\n${text.slice(end)}`;
}
