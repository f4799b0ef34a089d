import type { Results } from '../results.ts';
import { digits, markdownTable, scaleOf } from './format.ts';

const ofStored = /^([\d,]+) stored: (.+)$/;

/** What an order costs while more and more are stored: a column for each number; nothing before it was measured. */
export function growthSection(results: Results): string {
  const figures = results.of('growth').flatMap((result) => {
    const [, stored, what] = ofStored.exec(result.name) ?? [];
    return stored === undefined || what === undefined ? [] : [{ ...result, stored, what }];
  });
  if (figures.length === 0) return '';
  const columns = [...new Set(figures.map(({ stored }) => stored))];
  const rows = [...new Set(figures.map(({ what }) => what))].map((what) => {
    const ofRow = figures.filter((each) => each.what === what);
    const scale = scaleOf(ofRow[0] ?? { unit: '', value: null, target: null });
    const cells = columns.map((stored) => {
      const value = ofRow.find((each) => each.stored === stored)?.value ?? undefined;
      return value === undefined ? '–' : digits(value * scale.factor);
    });
    return [what, scale.unit, ...cells];
  });
  return [
    '## How the cost grows',
    '`pnpm bench growth` processes the same orders while few and many others are stored.',
    markdownTable(['an order, while so many are stored', 'unit', ...columns], rows),
  ].join('\n\n');
}

/** What happens at twice the load that the system can carry; nothing before it was measured. */
export function overloadSection(results: Results): string {
  const figures = results.of('overload');
  if (figures.length === 0) return '';
  const rows = figures.map((result) => {
    const scale = scaleOf(result);
    return [result.name, result.value === null ? '–' : digits(result.value * scale.factor), scale.unit];
  });
  return [
    '## Twice the load',
    '`pnpm bench overload` creates orders for a minute, twice as many as can be completed.',
    markdownTable(['figure', 'value', 'unit'], rows),
  ].join('\n\n');
}
