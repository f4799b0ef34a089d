import type { Result, Results } from '../results.ts';
import { digits, markdownTable, scaleOf } from './format.ts';

const ofSize = /^(?<stored>[\d,]+) stored: (?<what>.+)$/;
const ofStatement = /^grown most, \d+: (?<what>.+), (?<stored>[\d,]+) stored$/;

/** What an order costs while few and many others are stored, and the statements whose cost has grown most. */
export function growthTables(results: Results): string {
  const growth = results.of('growth');
  const tables = [
    table(growth, ofSize, 'while so many orders are stored', (what) => what),
    table(growth, ofStatement, 'the statements that have grown most', (what) => `\`${what}\``),
  ];
  return tables.filter((each) => each !== '').join('\n\n');
}

/** Figures side by side, a column for each number of stored orders. */
function table(
  figures: readonly Result[],
  name: RegExp,
  head: string,
  words: (what: string) => string,
): string {
  const parts = figures.flatMap((result) => {
    const { stored, what } = name.exec(result.name)?.groups ?? {};
    return stored === undefined || what === undefined ? [] : [{ ...result, stored, what }];
  });
  if (parts.length === 0) return '';
  const columns = [...new Set(parts.map(({ stored }) => stored))];
  const rows = [...new Set(parts.map(({ what }) => what))].map((what) => {
    const ofRow = parts.filter((each) => each.what === what);
    const { unit, factor } = scaleOf(ofRow[0] ?? { unit: '', value: null, target: null });
    const cells = columns.map((stored) =>
      shownValue(
        ofRow.find((each) => each.stored === stored),
        factor,
      ),
    );
    return [words(what.replaceAll('|', '\\|')), unit, ...cells];
  });
  return markdownTable([head, 'unit', ...columns], rows);
}

/** What becomes of calls, orders and memory at twice the load that the system can carry. */
export function overloadTable(results: Results): string {
  const figures = results.of('overload');
  if (figures.length === 0) return '';
  const rows = figures.map((result) => {
    const { unit, factor } = scaleOf(result);
    return [result.name, shownValue(result, factor), unit];
  });
  return markdownTable(['at twice the load', '', 'unit'], rows);
}

function shownValue(result: Result | undefined, factor: number): string {
  const value = result?.value ?? undefined;
  return value === undefined ? '–' : digits(value * factor);
}
