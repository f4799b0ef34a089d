import type { Result } from '../results.ts';

/** A number with three digits that count, and commas between thousands. */
export function digits(value: number): string {
  const rounded = Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3));
  return rounded.toLocaleString('en-US', { maximumFractionDigits: 6 });
}

/** How a figure is written: its unit in words, and what its values are multiplied with. */
export interface Scale {
  readonly unit: string;
  readonly factor: number;
}

/** The scale of a figure and its target. CPU is stored as seconds per 1,000 orders, which are milliseconds an order. */
export function scaleOf({ unit, value, target }: Pick<Result, 'unit' | 'value' | 'target'>): Scale {
  if (unit !== 'CPU s/1000 orders') return { unit, factor: 1 };
  const least = Math.min(value ?? Number.POSITIVE_INFINITY, Number(target?.split(' ')[1] ?? Infinity));
  return least < 0.1 ? { unit: 'µs an order', factor: 1_000 } : { unit: 'ms an order', factor: 1 };
}

/** `<= 10` as `≤ 10`. */
export function writtenTarget(target: string, { factor }: Scale): string {
  const [comparison, limit] = target.split(' ');
  return `${comparison === '>=' ? '≥' : '≤'} ${digits(Number(limit) * factor)}`;
}

/** A table in Markdown. */
export function markdownTable(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  return [heads, heads.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

const lineLength = 120;

/** Text in lines of 120 characters; `indent` begins each but the first. */
export function wrapped(text: string, indent = ''): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (longer.length <= lineLength) {
      line = longer;
      continue;
    }
    lines.push(line);
    line = indent + word;
  }
  return [...lines, line].join('\n');
}
