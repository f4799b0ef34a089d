import type { Result, Results } from '../results.ts';
import { judged, type Target, targets } from '../targets.ts';
import { digits, markdownTable, scaleOf, wrapped, writtenTarget } from './format.ts';

/** The figure of a target; one without a value when it was never measured. */
function resultOf(results: Results, { benchmark, figure }: Target): Result {
  const none = { name: figure, value: null, unit: '', target: null };
  return judged(benchmark, results.find(benchmark, figure) ?? none);
}

/** What the targets of these benchmarks are about. Those of `bench survive` are in its own table. */
const about: Readonly<Record<string, string>> = {
  growth: 'as stored orders become more',
  overload: 'at twice the load',
};

/** All targets: those of the code, and those that the figures of some benchmarks carry. */
function allTargets(results: Results): readonly Target[] {
  const carried = Object.entries(about).flatMap(([benchmark, words]) =>
    results
      .of(benchmark)
      .filter(({ name, target }) => target !== null && !isListed(benchmark, name))
      .map(({ name }): Target => ({ benchmark, figure: name, words: `${words}: ${name}` })),
  );
  return [...targets, ...carried];
}

const isListed = (benchmark: string, name: string) =>
  targets.some((each) => each.benchmark === benchmark && each.figure === name);

/** Targets that are missed or not measured, and say nothing of why. */
export function unexplained(results: Results): readonly Target[] {
  return allTargets(results).filter(
    (each) => resultOf(results, each).met !== true && each.missed === undefined,
  );
}

/** What was aimed at and what was reached, and below it why a target was missed. */
export function targetTable(results: Results): string {
  const rows = allTargets(results).map((target) => ({ target, result: resultOf(results, target) }));
  const cells = rows.map(({ target: { words }, result }) => {
    const scale = scaleOf(result);
    return [
      words,
      scale.unit,
      result.value === null ? 'not measured' : digits(result.value * scale.factor),
      result.target === null ? '' : writtenTarget(result.target, scale),
      result.met === null ? '–' : result.met ? '✓' : '✗',
    ];
  });
  const reasons = new Map<string, string[]>();
  for (const { target, result } of rows) {
    if (result.met === true || target.missed === undefined) continue;
    reasons.set(target.missed, [...(reasons.get(target.missed) ?? []), target.words]);
  }
  const list = [...reasons].map(([why, words]) => wrapped(`- *${words.join('; ')}*: ${why}`, '  '));
  return [
    markdownTable(['figure', 'unit', 'reached', 'target', ''], cells),
    ...(list.length > 0 ? ['What is missed, why, and what was tried:', list.join('\n')] : []),
  ].join('\n\n');
}
