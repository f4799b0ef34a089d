import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '@orderflow/devstack';

/** A figure as a file of `bench/results` holds it. */
export interface Result {
  readonly name: string;
  /** null: it never came to that, or the last run did not measure it. */
  readonly value: number | null;
  readonly unit: string;
  /** As `>= 10` or `<= 1.5`; null where there is none. */
  readonly target: string | null;
  /** Whether the value is within the target; null without target or value. */
  readonly met: boolean | null;
}

/** Figures that have another name now, by benchmark: old name → new name. */
const renamed: Readonly<Record<string, Readonly<Record<string, string>>>> = {};

/** Figures that are named after what one run has found, by benchmark: the next may lack them. */
const namedByRun: Readonly<Record<string, RegExp>> = {
  growth: /^grown most, /,
  overload: /^calls that ended with (?!any other)/,
};

const folder = join(repositoryRoot, 'bench/results');
const fileOf = (benchmark: string) => join(folder, `${benchmark}.json`);

/** The figures of all benchmarks. */
export interface Results {
  /** In the order in which they are reported; empty when a benchmark has no results. */
  of(benchmark: string): readonly Result[];
  find(benchmark: string, name: string): Result | undefined;
  /** The value of a figure; undefined when it was not measured. */
  value(benchmark: string, name: string): number | undefined;
  readonly benchmarks: readonly string[];
}

/** Reads all files of `bench/results`. */
export function readResults(): Results {
  const benchmarks = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => name.slice(0, -'.json'.length))
    .sort();
  return resultsOf(new Map(benchmarks.map((benchmark) => [benchmark, readFigures(benchmark)])));
}

/** The figures of these benchmarks, by the name of the benchmark. */
export function resultsOf(all: ReadonlyMap<string, readonly Result[]>): Results {
  const find = (benchmark: string, name: string) =>
    all.get(benchmark)?.find((result) => result.name === name);
  return {
    of: (benchmark) => all.get(benchmark) ?? [],
    find,
    value: (benchmark, name) => find(benchmark, name)?.value ?? undefined,
    benchmarks: [...all.keys()],
  };
}

function readFigures(benchmark: string): readonly Result[] {
  const { figures } = JSON.parse(readFileSync(fileOf(benchmark), 'utf8')) as { figures: Result[] };
  return figures;
}

/** Writes the figures of a benchmark. Those of earlier runs that are not among them are kept, without a value. */
export function saveResults(benchmark: string, figures: readonly Result[]): void {
  mkdirSync(folder, { recursive: true });
  const earlier = existsSync(fileOf(benchmark)) ? readFigures(benchmark) : [];
  const lasting = earlier.filter(({ name }) => !namedByRun[benchmark]?.test(name));
  const all = [...figures, ...notMeasuredAnyMore(lasting, figures, renamed[benchmark])];
  writeFileSync(fileOf(benchmark), `${JSON.stringify({ figures: all }, null, 2)}\n`);
}

/**
 * The figures of an earlier run that a new one lacks, without their values. A figure that was renamed is not among them
 * once the new name is there.
 *
 * Results only gain figures, so that two runs can be compared: a lost one stays in the file, and a test refuses it.
 */
export function notMeasuredAnyMore(
  earlier: readonly Result[],
  now: readonly Result[],
  newNames: Readonly<Record<string, string>> = {},
): Result[] {
  const names = new Set(now.map(({ name }) => name));
  return earlier
    .filter(({ name }) => !names.has(name) && !names.has(newNames[name] ?? name))
    .map((result) => ({ ...result, value: null, met: null }));
}
