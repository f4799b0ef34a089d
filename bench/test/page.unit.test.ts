import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '@orderflow/devstack';
import { describe, expect, test } from 'vitest';
import { ceilingsOf } from '../src/page/ceilings.ts';
import { digits } from '../src/page/format.ts';
import { targetTable, unexplained } from '../src/page/target-table.ts';
import { documents, judgedResults, pictures, withResults } from '../src/page.ts';
import { notMeasuredAnyMore, type Result, readResults, resultsOf } from '../src/results.ts';

const read = (file: string) => readFileSync(join(repositoryRoot, file), 'utf8');
const results = readResults();
const page = 'docs/performance.md';

function figure(name: string, value: number | null, unit = 'ms'): Result {
  return { name, value, unit, target: null, met: null };
}

describe('bench/results', () => {
  test.each(results.benchmarks)('%s.json holds figures only, each once, and each measured', (benchmark) => {
    const file = JSON.parse(read(`bench/results/${benchmark}.json`));
    expect(Object.keys(file)).toEqual(['figures']);
    const figures = results.of(benchmark);
    expect(figures.length).toBeGreaterThan(0);
    expect(new Set(figures.map(({ name }) => name)).size).toBe(figures.length);
    for (const result of figures) {
      expect(Object.keys(result).sort(), result.name).toEqual(['met', 'name', 'target', 'unit', 'value']);
      // A consumer of `bench survive` may never recover. Any other figure without a value was lost by its benchmark:
      // measure it again, or name its new name in `renamed`.
      if (!result.name.endsWith(': recovered after')) expect(result.value, result.name).toBeTypeOf('number');
    }
  });

  test('are judged by the targets of the code: `pnpm bench page` does it', () => {
    for (const [benchmark, figures] of judgedResults(results)) {
      expect(results.of(benchmark), benchmark).toEqual(figures);
    }
  });

  test('keep a figure that is not measured any more, without its value, unless it has another name now', () => {
    const earlier = [figure('a', 1), figure('b', 2), figure('c', 3)];
    const now = [figure('a', 4), figure('d', 5)];
    expect(notMeasuredAnyMore(earlier, now)).toEqual([figure('b', null), figure('c', null)]);
    expect(notMeasuredAnyMore(earlier, now, { b: 'd', c: 'e' })).toEqual([figure('c', null)]);
  });
});

describe('targets', () => {
  test('that are missed or not measured say why', () => {
    expect(unexplained(results)).toEqual([]);
  });

  test('of the results are all on the page, but those of `bench survive`, which has a table of its own', () => {
    const inResults = results.benchmarks
      .filter((benchmark) => benchmark !== 'survive')
      .flatMap((benchmark) => results.of(benchmark).filter(({ target }) => target !== null));
    const shown = targetTable(results).split('What is missed')[0]?.split('\n').slice(2);
    expect(shown?.filter((line) => /[≤≥].*[✓✗]/.test(line))).toHaveLength(inResults.length);
    expect(inResults.length).toBeGreaterThan(10);
  });
});

describe('documents', () => {
  test.each(documents)('%s holds what the results say: `pnpm bench page` writes it', (document) => {
    expect(read(document)).toBe(withResults(document, read(document), results));
  });

  test.each(Object.keys(pictures))('%s shows what the results say: `pnpm bench page` draws it', (picture) => {
    expect(read(picture)).toBe(pictures[picture]?.(results));
  });

  test('no line begins with a mark in running text: Markdown would take it for HTML', () => {
    for (const document of documents) expect(read(document), document).not.toMatch(/^<!-- (?:\w+: .+?)?-->/m);
  });

  test('the text of the page holds no measured number that is not written from the results', () => {
    const text = read(page)
      .replaceAll(/<!-- begin of [\s\S]*?<!-- end of \w+ -->/g, '')
      .replaceAll(/<!-- \w+: [\s\S]*?<!-- -->/g, '');
    expect(text).toContain('## What is counted');
    expect(
      text.match(/\d[\d.,]* ?(?:ms|µs|×|%|[KMG]i?B|(?:orders|calls|rows)\/s|times|bytes)(?!\w)/g),
    ).toBeNull();
  });
});

test('what runs out first is what carries the fewest orders, by the results', () => {
  const saga = [
    figure('saturation: CPU of payment', 2),
    figure('saturation: CPU of order-relay', 10),
    figure('saturation: CPU of postgres', 4),
  ];
  const ceilings = ceilingsOf(resultsOf(new Map([['saga', saga]])));
  expect(ceilings.map(({ arithmetic, ordersPerSecond }) => [arithmetic, ordersPerSecond])).toEqual([
    ['1 core ÷ 10 ms', 100],
    ['3 processes × 32 ÷ 0.2 s', 480],
    ['3 cores ÷ 2 ms', 1_500],
    ['16 cores ÷ 4 ms', 4_000],
  ]);
});

test('numbers have three digits that count', () => {
  expect([0.03612, 2.3, 21.64, 88.69, 1939.4, 98_712.3].map(digits)).toEqual([
    '0.0361',
    '2.3',
    '21.6',
    '88.7',
    '1,939',
    '98,712',
  ]);
});
