import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '@orderflow/devstack';
import { capacity } from './page/capacity.ts';
import { cpuPicture } from './page/cpu-picture.ts';
import { digits } from './page/format.ts';
import { latencyTable } from './page/latency-table.ts';
import { growthTables, overloadTable } from './page/load-tables.ts';
import { surviveTable } from './page/survive-table.ts';
import { targetTable } from './page/target-table.ts';
import { type Result, type Results, readResults, saveResults } from './results.ts';
import { judged } from './targets.ts';

const page = 'docs/performance.md';
/** The pictures of the page, by their file. */
export const pictures: Readonly<Record<string, (results: Results) => string>> = {
  'docs/cpu-of-an-order.svg': cpuPicture,
};

/** What is written between `<!-- begin of NAME … -->` and `<!-- end of NAME -->`. */
const sections: Readonly<Record<string, (results: Results) => string>> = {
  targets: targetTable,
  latency: latencyTable,
  growth: growthTables,
  overload: overloadTable,
  capacity,
  survive: surviveTable,
};

/** The documents that may name figures: all that describe the present state. Decisions keep those of their day. */
export const documents = globSync(['README.md', 'docs/*.md'], { cwd: repositoryRoot });

/**
 * Writes docs/performance.md, its picture, and the figures that other documents name, from the results, which it judges
 * by today's targets before.
 */
export function writePage(): void {
  for (const [benchmark, figures] of judgedResults(readResults())) saveResults(benchmark, figures);
  const results = readResults();
  for (const [file, draw] of Object.entries(pictures))
    writeFileSync(join(repositoryRoot, file), draw(results));
  for (const document of documents) {
    const file = join(repositoryRoot, document);
    const text = readFileSync(file, 'utf8');
    const written = withResults(document, text, results);
    if (written !== text) writeFileSync(file, written);
  }
  console.log(`  written to ${page}\n`);
}

/** All results, by today's targets. */
export function judgedResults(
  results: Results,
): readonly (readonly [benchmark: string, figures: Result[]])[] {
  return results.benchmarks.map((benchmark) => [
    benchmark,
    results.of(benchmark).map((result) => judged(benchmark, result)),
  ]);
}

/** The text of a document with the sections and figures that its marks ask for. */
export function withResults(document: string, text: string, results: Results): string {
  const names = document === page ? Object.keys(sections) : [];
  return withFigures(
    names.reduce((written, name) => withSection(written, name, sections[name]?.(results) ?? ''), text),
    results,
  );
}

function withSection(text: string, name: string, content: string): string {
  const [begin, end] = [
    `<!-- begin of ${name}: \`pnpm bench page\` writes it -->`,
    `<!-- end of ${name} -->`,
  ];
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`${page} lacks the line ${begin} or ${end}`);
  const between = content === '' ? '\n' : `\n\n${content}\n\n`;
  return `${text.slice(0, from)}${begin}${between}${text.slice(to)}`;
}

/** `<!-- BENCHMARK: FIGURE -->VALUE<!-- -->` in running text. */
const figureMark = /<!-- (\w+): (.+?) -->([^<]*)<!-- -->/gs;

/** Writes the values of figures that running text names. */
function withFigures(text: string, results: Results): string {
  return text.replaceAll(figureMark, (_, benchmark: string, name: string) => {
    const value = results.value(benchmark, name.replaceAll(/\s+/g, ' '));
    if (value === undefined) throw new Error(`bench/results/${benchmark}.json has no figure "${name}"`);
    return `<!-- ${benchmark}: ${name} -->${digits(value)}<!-- -->`;
  });
}
