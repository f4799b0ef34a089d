import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '@orderflow/devstack';

/** One measured figure. `target`: the required value, as `>= 10` or `<= 1.5`; absent where there is none. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly target?: string;
}

/** The median; the mean of the two middle values where there is no middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** The value that this share of the values does not exceed; `share` from 0 to 1. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

function isMet({ value, target }: Figure): boolean | null {
  if (target === undefined) return null;
  const [comparison, limit] = target.split(' ');
  return comparison === '>=' ? value >= Number(limit) : value <= Number(limit);
}

/** Prints the figures as a table and writes them. Returns whether all targets are met. */
export function report(name: string, figures: readonly Figure[]): boolean {
  const width = Math.max(...figures.map((figure) => figure.name.length));
  console.log('');
  for (const figure of figures) {
    const met = isMet(figure);
    const verdict = met === null ? '' : `${met ? '✓' : '✗'} ${figure.target}`;
    console.log(
      `  ${figure.name.padEnd(width)}  ${readable(figure.value).padStart(10)} ${figure.unit.padEnd(18)} ${verdict}`,
    );
  }
  return writeResults(name, figures);
}

/** Writes the figures to `bench/results/NAME.json`. Returns whether all targets are met. */
export function writeResults(name: string, figures: readonly Figure[]): boolean {
  const results = figures.map((figure) => ({
    ...figure,
    value: Number(figure.value.toPrecision(4)),
    target: figure.target ?? null,
    met: isMet(figure),
  }));
  const folder = join(repositoryRoot, 'bench/results');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${name}.json`);
  writeFileSync(file, `${JSON.stringify({ figures: results }, null, 2)}\n`);
  console.log(`\n  written to bench/results/${name}.json\n`);
  return results.every(({ met }) => met !== false);
}

function readable(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toPrecision(3);
}
