import { writePage } from './page.ts';
import { type Result, saveResults } from './results.ts';
import { judged } from './targets.ts';

/**
 * One measured figure. `target`: the required value, as `>= 10` or `<= 1.5`; only of benchmarks whose targets are not
 * in `targets.ts`.
 */
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

/** Prints the figures as a table and writes them. Returns whether all targets are met. */
export function report(benchmark: string, figures: readonly Figure[]): boolean {
  printFigures(benchmark, figures);
  return writeResults(benchmark, figures);
}

/** Prints figures, each with its target. */
export function printFigures(benchmark: string, figures: readonly Figure[]): void {
  const width = Math.max(...figures.map((figure) => figure.name.length));
  console.log('');
  for (const { name, value, unit, target, met } of figures.map((figure) => resultOf(benchmark, figure))) {
    const verdict = met === null ? '' : `${met ? '✓' : '✗'} ${target}`;
    const shown = readable(value ?? Number.NaN).padStart(10);
    console.log(`  ${name.padEnd(width)}  ${shown} ${unit.padEnd(18)} ${verdict}`);
  }
}

/**
 * Writes the figures to `bench/results/NAME.json`, and the documents that show them. Returns whether all targets are
 * met.
 */
export function writeResults(benchmark: string, figures: readonly Figure[]): boolean {
  const results = figures.map((figure) => resultOf(benchmark, figure));
  saveResults(benchmark, results);
  console.log(`\n  written to bench/results/${benchmark}.json`);
  writePage();
  return results.every(({ met }) => met !== false);
}

function resultOf(benchmark: string, { name, value, unit, target }: Figure): Result {
  return judged(benchmark, { name, value: Number(value.toPrecision(4)), unit, target: target ?? null });
}

/** A value as tables of the terminal show it. */
export function readable(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toPrecision(3);
}
